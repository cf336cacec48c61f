"""`ersr file`: six answers are enough. From flags, a TOML file, or questions one by one; read back before they are sent."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from ersr.client.command.exits import Exit
from ersr.client.command.keeping import Pending, Service, chosen, unacknowledged, write_private
from ersr.client.command.terminal import AsJson, Failed, Terminal, rows, say_here
from ersr.client.http import JSON, Client, Problem
from ersr.core import filing
from ersr.core.errors import Refusal

WHAT = "requests"


def read_toml(path: Path, known: frozenset[str], *, what: str) -> dict[str, Any]:
    """The file's fields; one that nobody asked for is a slip of the pen, and refused."""
    try:
        with path.open("rb") as file:
            found = tomllib.load(file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Failed(Exit.USAGE, f"{path} is not TOML: {error}.") from None
    if strange := sorted(found.keys() - known):
        raise Failed(
            Exit.USAGE, f"{path} has {', '.join(strange)}; {what} takes {', '.join(sorted(known)) or 'nothing'}."
        )
    return found


def file(
    ctx: typer.Context,
    number: Annotated[str, typer.Option(help="On which number you can be called now, with country code.")] = "",
    operator: Annotated[
        str, typer.Option(help="Key of the registry operator. Without it: the only one you may file for.")
    ] = "",
    tlds: Annotated[str, typer.Option(help='The TLDs, with commas, or "all 12".')] = "",
    happening: Annotated[str, typer.Option(help="What is happening, in plain words.")] = "",
    irreversible: Annotated[
        str, typer.Option(help=f"When the next thing happens that cannot be undone: {', '.join(filing.IRREVERSIBLE)}.")
    ] = "",
    at: Annotated[str, typer.Option(help="That time, like 2026-11-15T00:00Z, with --irreversible at.")] = "",
    from_: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help=f"TOML with {', '.join(f.name for f in filing.SIX)}. Options go before it.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Send without asking: for scripts.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Send the filing once more that got no answer: it is filed once.")
    ] = False,
    receipt: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Wait for the receipt, and keep it there.", dir_okay=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """File a request: number, operator, TLDs, what is happening, and what cannot be undone. Your token says who you are.

    What is not given is asked for, if this is a terminal. "I do not know" is an answer: --irreversible unknown. If the answer to
    a filing did not arrive, run the same command again, or ersr file --again: it is filed once.
    """
    terminal = Terminal.of(ctx, as_json)
    service = chosen(terminal.address)
    given = {
        "number_claimed": number, "operator": operator, "tlds": tlds, "happening": happening, "irreversible": irreversible,
        "irreversible_at": at,
    }  # fmt: skip
    with Client(service.address, service.token) as client:
        waiting = unacknowledged(service.address, WHAT)
        if again:
            if not waiting:
                raise Failed(Exit.USAGE, "No filing waits for an answer: nothing was sent.")
            six = waiting[0]["six"]
        else:
            held = read_toml(from_, frozenset(f.name for f in filing.SIX), what="ersr file") if from_ else {}
            raw = {**held, **{name: text for name, text in given.items() if text}}
            six = _answers(terminal, client, raw)
            if waiting and six not in [held["six"] for held in waiting]:
                terminal.note(
                    "An earlier filing got no answer and may have arrived. To send that one again: ersr file --again"
                )
        _read_back(terminal, client, service, six, yes=yes)
        with Pending(service, WHAT, six).key(six=six) as key:
            made = client.submit(six, key=key)
        _tell(terminal, made, receipt, client)


def _answers(terminal: Terminal, client: Client, raw: Mapping[str, Any]) -> JSON:
    """Complete answers in the words of the API. On a terminal what is missing or wrong is asked for, one by one."""
    six = dict(raw)
    operators = client.operators()
    if not six.get("operator") and len(operators) == 1:
        six["operator"] = operators[0]["key"]
    while True:
        try:
            clean = filing.clean_six(six)
        except Refusal as refusal:
            if not terminal.asks:
                raise
            wrong = refusal.fields[0]
            field = next(f for f in filing.SIX if f.name == wrong.field)
            if six.get(field.name):
                terminal.note(wrong.message)
            six[field.name] = _ask(terminal, field, operators)
            continue
        # As it was typed where the service reads it too ("all 12"), so that the same answers are the same call.
        sent = {**clean, "tlds": six["tlds"]}
        sent["irreversible_at"] = filing.told(clean["irreversible_at"])
        return sent


def _ask(terminal: Terminal, field: filing.Field, operators: list[JSON]) -> str:
    choices = dict(field.choices or {})
    if field.name == "operator":
        choices = {row["key"]: row["name"] for row in operators}
    terminal.note("", field.label, *([field.hint] if field.hint else []))
    if field.kind == "long":
        return terminal.ask_long("")
    if not choices:
        return terminal.ask(">")
    for n, words in enumerate(choices.values(), start=1):
        terminal.note(f"  {n}  {words}")
    said = terminal.ask("Number:")
    codes = list(choices)
    if said.isdecimal() and 1 <= int(said) <= len(codes):
        return codes[int(said) - 1]
    return next((code for code, words in choices.items() if said.lower() in (code.lower(), words.lower())), said)


def _read_back(terminal: Terminal, client: Client, service: Service, six: JSON, *, yes: bool) -> None:
    """What will be sent, in words, before it is. Without a terminal only --yes sends."""
    name = next((row["name"] for row in client.operators() if row["key"] == six["operator"]), six["operator"])
    undone = filing.IRREVERSIBLE[six["irreversible"]]
    if six["irreversible_at"]:
        undone = say_here(six["irreversible_at"])
    tlds = six["tlds"] if isinstance(six["tlds"], str) else ", ".join(six["tlds"])
    facts = [
        ("To", service.address), ("Call", six["number_claimed"]), ("Operator", name), ("TLDs", tlds),
        ("Happening", six["happening"]), ("Undone", undone),
    ]  # fmt: skip
    if yes:
        return
    terminal.note("This will be filed:", *(row.plain for row in rows(facts)))
    if not terminal.asks:
        raise Failed(Exit.USAGE, "Nothing was sent: nobody is here to be asked.", "Add --yes to send it.")
    if terminal.ask("Send it? (yes or no)").lower() not in ("y", "yes"):
        raise Failed(Exit.USAGE, "Nothing was sent.")


def _tell(terminal: Terminal, made: JSON, receipt: Path | None, client: Client) -> None:
    ref, kept = made["reference"], None
    if receipt is not None:
        try:
            with terminal.progress("waiting for the receipt"):
                data = client.receipt_within(ref)
        except Problem as problem:
            if problem.code != "pending":
                raise
            terminal.note(f"Filed as {ref}.")
            advice = f"Fetch it later: ersr show {ref} --receipt {receipt}"
            raise Failed(Exit.PENDING, "The receipt is not there yet; the filing counts.", advice) from None
        write_private(receipt, data)
        kept = str(receipt)
    words = made.get("words", "")
    terminal.tell(
        made | ({"receipt": kept} if kept else {}),
        Text.assemble(("Filed. ", "bold green"), (ref, "bold")),
        *rows(
            [
                ("Decided by", say_here(made["due_at"])),
                ("Words", words.replace(" ", " · ")),
                (
                    "",
                    "The duty officer calls a number that was on file and says these words first. No words: hang up."
                    if words
                    else "",
                ),
                ("Duty line", made["on_duty"]["number"]),
                ("Receipt", kept or f"not kept here: ersr show {ref} --receipt FILE"),
                ("Next", f"ersr list add {ref} FILE, and what else you may do: ersr act {ref}"),
            ]
        ),
    )
