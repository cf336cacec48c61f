"""`ersr requests`, `show`, `list`, `waivers`: what the service tells, as text for people or as it is with --json."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from ersr.client.command.acting import Ref, carry_out, reference
from ersr.client.command.exits import Exit
from ersr.client.command.keeping import Service, chosen
from ersr.client.command.terminal import AsJson, Failed, Terminal, columns, rows, say_here
from ersr.client.http import JSON, Client

MORE = ("history", "notes", "numbers", "privileged")
ListNumber = Annotated[int, typer.Argument(metavar="N", help="Number of the list.")]
lists = typer.Typer(no_args_is_help=True, help="Name lists of a request: add one, look at it, fetch its names or hits.")


def _client(service: Service) -> Client:
    return Client(service.address, service.token)


def _words(code: str) -> str:
    return code.replace("_", " ")


def save(terminal: Terminal, client: Client, path: str, goal: Path, what: str) -> str:
    """Streams a file to its place; it appears there when it is whole. The place, as text."""
    beside = goal.with_name(f".{goal.name}.{secrets.token_hex(8)}")
    try:
        with beside.open("xb") as file, terminal.progress(f"fetching {what}") as told:
            client.save(path, file, told=told)
        os.replace(beside, goal)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    return str(goal)


def requests(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List the requests that you may see: staff in the desk's order, a registry's people newest first."""
    terminal = Terminal.of(ctx, as_json)
    with _client(chosen(terminal.address)) as client:
        found = client.requests()
    table = columns(
        ("Request", "State", "Move", "Due", "For"),
        [(r["reference"], _words(r["state"]), r["mover"]["side"], say_here(r["due_at"]), f"{r['operator']['name']}: {', '.join(r['tlds'])}") for r in found],
    )  # fmt: skip
    terminal.tell(found, *(table or ["No request that you may see. File one: ersr file"]))


def show(
    ctx: typer.Context,
    ref: Ref,
    with_: Annotated[
        list[str] | None, typer.Option("--with", help=f"More of it, may be repeated: {', '.join(MORE)}.")
    ] = None,
    receipt: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep the receipt there, byte by byte.", dir_okay=False)
    ] = None,
    preview: Annotated[
        tuple[int, Path] | None,
        typer.Option(metavar="N FILE", help="Keep a prepared instrument there, to be read before it is signed."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show everything that you may see of a request."""
    terminal, ref = Terminal.of(ctx, as_json), reference(ref)
    if strange := [word for word in with_ or () if word not in MORE]:
        raise Failed(Exit.USAGE, f"--with takes {', '.join(MORE)}, not {', '.join(strange)}.")
    with _client(chosen(terminal.address)) as client:
        found = client.request(ref)
        # Each is asked for by name: reading privileged notes is an event.
        more = {word: getattr(client, word)(ref) for word in with_ or ()}
        kept = []
        if receipt:
            kept.append(save(terminal, client, f"requests/{ref}/receipt", receipt, "the receipt"))
        if preview:
            kept.append(save(terminal, client, f"requests/{ref}/previews/{preview[0]}", preview[1], "the instrument"))
    terminal.tell(
        {**found, **({"with": more} if more else {}), **({"kept": kept} if kept else {})},
        *_whole(found, more),
        *(f"Kept: {k}" for k in kept),
    )


def _whole(r: JSON, more: dict[str, list[JSON]]) -> list[Text]:
    offered = r["offered"]
    lines = [
        f"{x['number']}  {x['provision']} {x['provision_title']}: {_words(x['outcome'] or x['hint'])} ({_words(x['state'])})"
        for x in r["lines"]
    ]
    asked = [f"{q['id']}  {q['text']}{' -> ' + q['answer'] if q['answered_at'] else ' (open)'}" for q in r["questions"]]
    decisions = [
        f"{d['id']}  {_words(d['outcome'])}, lines {', '.join(map(str, d['lines']))}{': ' + d['state'] if d.get('state') else ''}"
        for d in r["decisions"]
    ]
    names = [
        f"{x['number']}  {x['title'] or 'List'}: {x['names']:,} names, version {x['version']}"
        + (f", {x['unanswered']} hits to answer" if x.get("unanswered") else "")
        for x in r["lists"]
    ]
    acts = [
        f"{a['id']}  {_words(a['action'])}, {'taken' if a['taken'] else 'planned'}{'' if a['current'] else ' (corrected)'}"
        for a in r["acts"]
    ]
    found: list[tuple[str, Any]] = [
        ("Request", r["reference"]), ("State", f"{_words(r['state'])}; {r['mover']['side']}: {r['mover']['words']}"), ("TLP", r["tlp"]),
        ("For", f"{r['operator']['name']}: {', '.join(r['tlds'])}"), ("Filed", f"{say_here(r['received_at'])} by {r['filed_by']}"),
        ("Decided by", say_here(r["due_at"])), ("Undone", say_here(r["irreversible_at"]) if r["irreversible_at"] else _words(r["irreversible"])),
        ("Has it", r.get("holder") or ""), ("Words", r.get("words", "")), ("Happening", r["happening"]), ("Acts", acts), ("Lists", names),
        ("Parts", ", ".join(p["part"] for p in r["parts"])), ("Lines", lines), ("Questions", asked), ("Decisions", decisions),
        ("Waivers", [f"{w['reference']}  {w['title']}, {w['status']}" for w in r["waivers"]]),
        ("You may", ", ".join(x["name"] for x in ([offered["primary"]] if offered["primary"] else []) + offered["others"])),
    ]  # fmt: skip
    for word, items in more.items():
        found.append((word.capitalize(), [_line(word, item) for item in items] or "none"))
    return rows(found)


def _line(word: str, x: JSON) -> str:
    if word == "numbers":
        may = "may be called" if x["may_be_called"] else f"too new: {x['days']} days"
        return f"{x['id']}  {x['number']}  {x['contact']} ({may}{', named by the filer' if x['claimed'] else ''})"
    if word == "history":
        return f"{say_here(x['at'])}  {x['words']}{', ' + x['by'] if x['by'] else ''}"
    return f"{_words(x['discipline'])}{', ' + _words(x['recommendation']) if x['recommendation'] else ''}: {x['body']} ({x['by']})"


# --- lists


@lists.command("add")
def list_add(
    ctx: typer.Context,
    ref: Ref,
    file: Annotated[Path, typer.Argument(help="A name a line, CSV or JSON lines; gzip or zstd too.", exists=True, dir_okay=False, readable=True)],
    title: Annotated[str, typer.Option(help="What the list is called.")] = "",
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Whether to wait until a large file is taken in.")] = True,
    as_json: AsJson = False,
) -> None:
    """Add a name list. The same names again change nothing."""
    given = {"file": file} | ({"title": title} if title else {})
    carry_out(Terminal.of(ctx, as_json), "add_list", given, ref=reference(ref), wait=wait)


@lists.command("show")
def list_show(ctx: typer.Context, ref: Ref, number: ListNumber = 1, as_json: AsJson = False) -> None:
    """Show a list's versions, and which lines were refused."""
    terminal = Terminal.of(ctx, as_json)
    with _client(chosen(terminal.address)) as client:
        found = client.name_list(reference(ref), number)
    told: list[tuple[str, Any]] = [("List", f"{found['number']}  {found['title']}")]
    for v in found["versions"]:
        told += [
            (f"Version {v['version']}", f"{v['names']:,} names of {v['lines']:,} lines, {v['duplicates']:,} twice, sha256 {v['digest']}"),
            ("Refused", [row["words"] for row in v["refused_rows"][:20]]),
            ("Taken out", ", ".join(v["removed"][:20])),
        ]  # fmt: skip
    terminal.tell(found, *rows(told))


@lists.command("hits")
def list_hits(ctx: typer.Context, ref: Ref, number: ListNumber = 1, as_json: AsJson = False) -> None:
    """List the names that stand on a popularity list, for staff."""
    terminal = Terminal.of(ctx, as_json)
    with _client(chosen(terminal.address)) as client:
        found = client.hits(reference(ref), number)
    table = columns(
        ("Name", "Rank", "Answer", "Reason"),
        [(h["name"], str(h["rank"]), h["answer"] or "open", h["reason"]) for h in found],
    )
    terminal.tell(found, *(table or ["No hits."]))


@lists.command("names")
def list_names(
    ctx: typer.Context,
    ref: Ref,
    number: ListNumber = 1,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep them there; without it they are printed.", dir_okay=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch the names, sorted, one a line: their SHA-256 is the list's digest."""
    terminal, ref = Terminal.of(ctx, as_json), reference(ref)
    with _client(chosen(terminal.address)) as client:
        if to:
            kept = save(terminal, client, f"requests/{ref}/lists/{number}/names", to, "the names")
            terminal.tell({"kept": kept}, f"Kept: {kept}")
            return
        data = client.names(ref, number)
    if as_json:
        terminal.tell(data.decode("ascii").splitlines())
        return
    with contextlib.suppress(AttributeError):  # a captured stdout has no buffer
        sys.stdout.buffer.write(data)
        return
    print(data.decode("ascii"), end="")


# --- waivers


def waivers(
    ctx: typer.Context,
    ref: Annotated[
        str, typer.Argument(help="One of them, like W-2026-3310222-C. Without it: all that you may see.")
    ] = "",
    pdf: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep the signed letter there.", dir_okay=False)
    ] = None,
    token: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep the machine-readable token there.", dir_okay=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List signed instruments, or show one and fetch its letter and its token. Check them with ersr verify."""
    terminal = Terminal.of(ctx, as_json)
    if not ref:
        if pdf or token:
            raise Failed(Exit.USAGE, "Say which waiver: ersr waivers REF --pdf FILE")
        with _client(chosen(terminal.address)) as client:
            found = client.waivers()
        table = columns(
            ("Waiver", "Status", "Ends", "Request", "What"),
            [(w["reference"], w["status"], say_here(w["ends_at"]), w["request"], w["title"]) for w in found],
        )
        terminal.tell(found, *(table or ["No waiver that you may see."]))
        return
    ref = ref.strip().upper()
    with _client(chosen(terminal.address)) as client:
        w = client.waiver(ref)
        kept = [
            save(terminal, client, f"waivers/{ref}/{kind}", goal, what)
            for kind, goal, what in (("pdf", pdf, "the letter"), ("token", token, "the token"))
            if goal
        ]
    ack = w["acknowledged"]
    terminal.tell(
        {**w, **({"kept": kept} if kept else {})},
        *rows(
            [
                ("Waiver", f"{w['reference']}  {w['title']}"), ("Request", w["request"]), ("Status", w["status"]),
                ("Signed", f"{say_here(w['signed_at'])} by {w['signed_by']}"), ("Acts from", say_here(w["acts_from"])),
                ("In force", say_here(w["effective_from"])), ("Ends", say_here(w["ends_at"])),
                ("Names", f"{w['names']['size']:,}, sha256 {w['names']['digest']}" if w["names"] else ""),
                ("Served", [f"{s['channel']}, {say_here(s['served_at'])}" for s in w["service"]]),
                ("Received", f"{say_here(ack['at'])} by {ack['by']}" if ack else "not acknowledged yet"), ("Kept", kept),
            ]
        ),
    )  # fmt: skip
