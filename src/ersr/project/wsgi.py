"""What gunicorn serves. Contradictions are refused by `ersr-service serve`; malformed settings also by any other server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ersr.project.settings")
application = get_wsgi_application()

from django.conf import settings  # noqa: E402 - readable only now

if settings.ERSR_PROBLEMS:
    raise SystemExit("refused: " + "\nrefused: ".join(settings.ERSR_PROBLEMS))
