"""What comes before the case: keys, parties, the first administrator, server and worker, everybody else."""

from __future__ import annotations

from datetime import UTC, datetime

from demo import parties, people
from demo.installation import Installation, Stopped
from demo.story import Story


def prepare(installation: Installation, story: Story) -> dict[str, people.Player]:
    """A new installation that serves, and its people, each signed in to the API. Keys are people.CAST's and "administrator"."""
    story.chapter("An installation of its own")
    installation.run("init", "--development")
    story.tell("ersr-service", f"new keys, marked DEVELOPMENT; the server will be {installation.address}")
    installation.start()  # they come up while the import goes on
    file = installation.folder / "parties.toml"
    file.write_text(parties.toml(datetime.now(UTC).date()), encoding="utf-8")
    told = installation.run("import", file.name).splitlines()
    one = next(row for row in told if "northlight, Legal" in row)
    story.tell("ersr-service", f"import, dry: {len(told) - 1} differences, nothing written. One of them: {one}")
    installation.run("import", file.name, "--apply")
    if (again := installation.run("import", file.name)) != "nothing differs":
        raise Stopped(f"the same file twice differs: {again}")
    story.tell("ersr-service", "import, applied; the same file again: nothing differs")
    link = people.invite_administrator(installation)
    installation.wait()
    story.tell("ersr-service", "serves and works; every mail goes into a sink on this machine")
    administrator = people.enrol(people.ADMINISTRATOR, installation.address, link)
    players = people.gather(administrator)
    people.delegate(administrator)
    words = (
        f"invites {len(players)} people; each sets a password and a second factor. Three may sign, one instrument each"
    )
    story.tell(administrator.called, words)
    return {"administrator": administrator, **players}
