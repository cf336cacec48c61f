"""`make demo`: plays one case from filing to verified waiver, leaves demo-out/, and checks its own result.

The last line of standard output is one JSON object; exit code 0 only if everything in it that is a yes or no is a yes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from demo import checks, names
from demo.case import SECRETS, Case
from demo.installation import ROOT, Installation, Stopped, stoppable
from demo.opening import prepare
from demo.screens import Camera
from demo.story import Story
from ersr.client.http import Problem


def keep(installation: Installation, case: Case) -> None:
    """What a reader needs beside the documents: the keys, and the ledger's newest checkpoint."""
    (case.out / "keys.json").write_bytes(case.players["night"].api.keys())
    events = case.players["auditor"].api.ledger_events()
    deadline = time.monotonic() + 10
    while True:
        text = case.players["auditor"].api.ledger_checkpoint()
        # second line of a checkpoint: the size of its tree
        if int(text.split(b"\n")[1]) >= len(events):
            break
        if time.monotonic() > deadline:
            raise Stopped("the sequencer does not keep up")
        time.sleep(0.1)
    (case.out / "checkpoint").write_bytes(text)
    case.story.tell(case.who("auditor"), f"reads the ledger: {len(events)} events, and fetches its newest checkpoint")


def judge(installation: Installation, case: Case) -> dict[str, Any]:
    """Each answer is what was found just now, with nothing of the service."""
    story, out = case.story, case.out
    story.chapter("A reader checks it, with the base installation, the keys, and nothing else")
    documents = [
        f"{name}.{kind}" for name in ("waiver", "authorisation", "fee-reduction") for kind in ("pdf", "sd-jwt")
    ]
    documents = [name for name in documents if (out / name).exists()]
    found = checks.authentic(out, "receipt.json", "checkpoint", *documents)
    receipt, checkpoint, waivers = found[:1], found[1:2], found[2:]
    listed, _ = checks.verify(out, "waiver.sd-jwt", "--names", "names.txt")
    rejected = checks.rejects_changes(out, ["receipt.json", "checkpoint", *documents])
    digest, signed = checks.sha256_of_names(out / "names.txt"), checks.signed_digest(out / "waiver.sd-jwt")
    count = len((out / "names.txt").read_text("ascii").splitlines())
    mails = mails_of(installation, {case.ref, *case.waivers.values()})
    telling = checks.telling(mails, installation.address, SECRETS)
    whole = checks.ledger(installation)
    told = {
        "names": count if count == names.COUNT else 0,
        "receipt_verified": bool(receipt) and f"subject: {case.ref}" in receipt[0]["covers"],
        "waiver_verified": {row["reference"] for row in waivers} == set(case.waivers.values()) and listed == 0,
        "tampered_rejected": rejected,
        "ledger_verified": bool(whole) and bool(checkpoint),
        "names_digest_matches": signed == digest,
        "mail_carries_no_content": bool(mails) and not telling,
    }
    for row in found:
        state = f"{row['reference']}, {row['state']}" if row["state"] else next(iter(row["covers"]))
        story.good("ersr verify", f"{row['name']}: authentic. {state}")
    story.tell(
        "ersr verify", f"a copy of each with one byte changed: {'forged, every one' if rejected else 'NOT REFUSED'}"
    )
    story.tell("sort, sha256sum", f"{count:,} names, {digest}, {'as' if signed == digest else 'NOT as'} the token says")
    story.tell("ersr-service fsck", whole or "THE LEDGER IS NOT WHOLE")
    story.tell("mail", "; ".join(telling) or f"{len(mails)} mails, each with a link and no word of the content")
    return told


def mails_of(installation: Installation, references: set[str]) -> list[EmailMessage]:
    """What the sink holds, once each of the references has come by mail: the worker sends after the fact."""
    deadline = time.monotonic() + 10
    while True:
        mails = list(installation.sink.mails)
        missing = [r for r in references if not any(r in m.get_content() for m in mails)]
        if not missing:
            return mails
        if time.monotonic() > deadline:
            raise Stopped(f"no mail told of {', '.join(missing)}")
        time.sleep(0.1)


def pictures(case: Case) -> None:
    """What the story did not take on its way."""
    camera = case.camera
    for name, key, path in (
        ("home", "", "/"), ("signin", "", "/signin"), ("verify", "", "/verify"), ("keys", "", "/keys"),
        ("waiver", "nils", f"/w/{case.waivers['waiver']}"), ("case", "officer", f"/desk/{case.ref}"),
        ("parties", "officer", "/parties/northlight"), ("ledger", "auditor", "/ledger"),
    ):  # fmt: skip
        camera.shoot(name, key, path)
    camera.shoot("file", "night", "/file", phone=True)
    camera.shoot("case", "night", f"/r/{case.ref}", phone=True)


def play(out: Path) -> dict[str, Any]:
    story = Story()
    out.mkdir(parents=True, exist_ok=True)
    for old in out.iterdir():  # a result of another day must not be taken for this one's
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    checks.ersr()
    with tempfile.TemporaryDirectory(prefix="ersr-demo-") as folder, Installation(Path(folder)) as installation:
        players = prepare(installation, story)
        with Camera(out / "screens", installation.address, players) as camera:
            case = Case(players, story, camera, out)
            case.play()
            pictures(case)
        keep(installation, case)
        installation.check()
        told = judge(installation, case)
        story.tell("pictures", camera.missing or f"{len(camera.taken)} in {out.name}/screens")
        for player in players.values():
            player.api.close()
    told |= {"screens": len(camera.taken), "seconds": round(story.seconds, 1)}
    return told


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m demo", description="Plays one case from filing to verified waiver."
    )
    parser.add_argument(
        "--out", type=Path, default=ROOT / "demo-out", help="the folder that it leaves (default: demo-out)"
    )
    out = parser.parse_args().out.resolve()
    if out.exists() and (
        not out.is_dir() or (any(out.iterdir()) and not (out / "keys.json").exists() and out.name != "demo-out")
    ):
        parser.error(f"{out} is there and is no result of an earlier run: name another folder")
    try:
        with stoppable():
            told = play(out)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except (Stopped, Problem) as stopped:
        print(f"the demonstration stopped: {stopped}", file=sys.stderr)
        return 1
    print(f"\nThe result lies in {out}.")
    print(json.dumps(told), flush=True)
    return 0 if told["names"] == names.COUNT and all(v for v in told.values() if isinstance(v, bool)) else 1


if __name__ == "__main__":
    sys.exit(main())
