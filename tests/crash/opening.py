"""Opens an installation for the crash tests: migrates, builds the small world, and prints as JSON who may call and how.

python -m tests.crash.opening WRITERS       # ERSR_* in the environment say where
"""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ersr.project.settings")


def main(writers: int) -> None:
    import django
    from django.conf import settings

    django.setup()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    from django.core.management import call_command

    from ersr import clock
    from ersr.people import actions as people
    from ersr.people import factors
    from ersr.people.models import Factor
    from tests import world as worlds
    from tests.faces import stages

    call_command("migrate", interactive=False, verbosity=0)
    w = worlds.build()

    def token(who: str) -> str:
        scopes = ("read", "write", "sign", "admin")
        return people.make_token(w.people[who], name="crash", scopes=scopes, lasts=timedelta(days=1), now=clock.real())[
            1
        ]

    granted = stages._play(stages.Stages(w), "granted")
    told = {
        "writers": [token("filer") for _ in range(writers)],
        "tokens": {who: token(who) for who in ("filer", "officer", "signatory", "auditor")},
        "secret": factors.text_secret(Factor.objects.get(person=w.signatory)),
        "granted": granted.reference,
    }
    w.sequence()
    print(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]))
