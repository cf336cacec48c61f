"""`make run`: the portal with demo people, in var/demo, kept from one run to the next.

python -m demo.run [--fresh] [--port N]     serves until Ctrl-C
python -m demo.run code EMAIL               a code of this person's second factor, good now
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path

from demo.case import Case
from demo.installation import ROOT, Installation, Stopped, stoppable
from demo.opening import prepare
from demo.people import keep
from demo.screens import Camera
from demo.states import Stage
from demo.story import Story
from ersr.client.http import Problem
from ersr.client.totp import STEP, code

HOME = ROOT / "var" / "demo"
PEOPLE = "people.json"


def fill(installation: Installation, story: Story) -> None:
    """Everything that a new installation needs to be looked at; people.json comes last and says that it is whole."""
    players = prepare(installation, story)
    documents = installation.folder / "documents"
    documents.mkdir()
    Case(players, story, Camera(documents, installation.address, players), documents).play()
    (documents / "keys.json").write_bytes(players["night"].api.keys())
    Stage(players, story).set()
    keep(players, installation.folder / PEOPLE)
    for player in players.values():
        player.api.close()


def print_people(folder: Path, address: str) -> None:
    people = json.loads((folder / PEOPLE).read_text(encoding="utf-8"))
    now = int(time.time()) // STEP
    print(
        f"\nPortal:  {address}\nAPI:     {address}/api/v1/openapi.json\nMail:    {folder / 'mail'} (one .eml file each)"
    )
    print(
        f"Papers:  {folder / 'documents'} (check one: .venv/bin/ersr verify FILE --keys {folder / 'documents' / 'keys.json'})"
    )
    print(f"\n{'e-mail':<30}{'password':<29}{'secret for an authenticator':<35}code now  who")
    for person in people:
        shown = code(person["secret"], now)
        print(f"{person['email']:<30}{person['password']:<29}{person['secret']:<35}{shown}    {person['who']}")
    print(
        "\nA code works once. A fresh one: .venv/bin/python -m demo.run code EMAIL          Stop with Ctrl-C.",
        flush=True,
    )


def print_code(folder: Path, email: str) -> int:
    try:
        people = json.loads((folder / PEOPLE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        print(f"{folder} holds no demonstration: start one with `make run`.", file=sys.stderr)
        return 1
    secret = next((p["secret"] for p in people if p["email"] == email.lower()), None)
    if secret is None:
        print(f"nobody is called {email}; there are: {', '.join(p['email'] for p in people)}", file=sys.stderr)
        return 1
    left = STEP - int(time.time()) % STEP
    print(
        f"{code(secret, int(time.time()) // STEP)}  (next, in {left} s: {code(secret, int(time.time()) // STEP + 1)})"
    )
    return 0


def serve(folder: Path, port: int, *, fresh: bool) -> None:
    new = fresh or not (folder / PEOPLE).exists()
    if new and folder.exists():  # thrown away on purpose, or never finished
        shutil.rmtree(folder)
    story = Story()
    with Installation(folder, mails=folder / "mail", port=port) as installation:
        if new:
            fill(installation, story)
        else:
            installation.run("migrate")
            installation.start()
            installation.wait()
        print_people(folder, installation.address)
        while True:
            time.sleep(1)
            installation.check()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m demo.run", description="Serves the portal with demo people.")
    parser.add_argument("--folder", type=Path, default=HOME, help="where it is kept (default: var/demo)")
    parser.add_argument("--fresh", action="store_true", help="throw away what is kept, and begin anew")
    parser.add_argument("--port", type=int, default=8000, help="of 127.0.0.1; another one if it is taken")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("code", help="a fresh code of somebody's second factor").add_argument("email")
    given = parser.parse_args()
    folder = given.folder.resolve()
    if given.command == "code":
        return print_code(folder, given.email)
    if folder.exists() and any(folder.iterdir()) and not (folder / "secret").exists():
        parser.error(f"{folder} is there and is no demonstration of ours: name another folder")
    try:
        with stoppable():
            serve(folder, given.port, fresh=given.fresh)
    except KeyboardInterrupt:
        print("\nstopped; what was done is kept")
        return 0
    except (Stopped, Problem) as stopped:
        print(f"stopped: {stopped}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
