"""`ersr act REF ACTION`: every row of the life-cycle table, and what each takes (fields.py). `ersr act REF` says what you may do."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.text import Text
from typer.core import TyperGroup

from ersr.client.command.exits import Exit
from ersr.client.command.fields import PART_FIELDS, TAKES, Takes, verbs_of, words
from ersr.client.command.filing import read_toml
from ersr.client.command.keeping import Pending, Service, chosen
from ersr.client.command.terminal import AsJson, Failed, Terminal, lines_of
from ersr.client.http import JSON, Client, Told
from ersr.core import filing
from ersr.core.errors import Refusal
from ersr.core.references import parse


class _Offering(TyperGroup):
    """Takes its own options behind REF too, where everybody types them, as long as no ACTION follows."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        own = [word for word in args[1:] if word in ("--json", "--help")]
        if args and own == args[1:]:
            args = [*own, args[0]]
        return super().parse_args(ctx, args)


act = typer.Typer(
    cls=_Offering,
    invoke_without_command=True,
    subcommand_metavar="[ACTION]",
    options_metavar="",
    help="Act on a request. Without ACTION: what you may do now, and what it takes.",
)

Ref = Annotated[str, typer.Argument(help="The request, like SRW-2026-4821003-K.")]
_TYPES: Mapping[str, Any] = {
    "text": str, "time": str, "secret": str, "number": int, "flag": bool, "file": Path, "numbers": list[int], "texts": list[str],
    "answers": list[str], "hits": list[str],
}  # fmt: skip
_SHOWN = {
    "number": "N",
    "numbers": "N",
    "time": "TIME",
    "secret": "CODE",
    "file": "FILE",
    "answers": "N=TEXT",
    "hits": "NAME=ANSWER,REASON",
}


def reference(text: str) -> str:
    """The reference as it is written; a wrong one is told before anything is sent."""
    try:
        prefix, _, _ = parse(text)
    except Refusal as refusal:
        raise Failed(Exit.USAGE, refusal.message) from None
    if prefix != "SRW":
        raise Failed(Exit.USAGE, f"{text} is a waiver; requests look like SRW-2026-4821003-K.")
    return text.strip().upper()


@act.callback()
def offered(ctx: typer.Context, ref: Ref, as_json: AsJson = False) -> None:
    """Act on a request. Without ACTION: what you may do now, and what it takes."""
    terminal = Terminal.of(ctx, as_json)
    ctx.obj.ref = reference(ref)
    if ctx.invoked_subcommand:
        return
    service = chosen(terminal.address)
    with Client(service.address, service.token) as client:
        found = client.request(terminal.ref)
    primary, others = found["offered"]["primary"], found["offered"]["others"]
    names = [row["name"] for row in ([primary] if primary else []) + others]
    told = [
        {
            "action": verb,
            "primary": bool(primary) and verb == primary["name"],
            "label": words(verb),
            "takes": [_described(t) for t in TAKES[verb]],
        }
        for name in names
        for verb in verbs_of(name)
    ]
    terminal.tell({"reference": found["reference"], "state": found["state"], "actions": told}, *_table(found, told))


def _described(takes: Takes) -> JSON:
    return {"name": takes.name, "kind": takes.kind, "needed": takes.needed, "hint": takes.hint}


def _table(found: JSON, told: list[JSON]) -> list[Text]:
    side = {"authority": "The authority's move", "registry": "The registry's move"}.get(
        found["mover"]["side"], "Nobody's move"
    )
    made = [
        Text(f"{found['reference']} is {found['state'].replace('_', ' ')}. {side}: {found['mover']['words']}.", "bold")
    ]
    if not told:
        made.append(Text("There is nothing that you may do now."))
    for row in told:
        made.append(
            Text.assemble((row["action"], "bold"), f"  {row['label']}", "  (the next step)" if row["primary"] else "")
        )
        made += [
            Text(f"    --{t['name'].replace('_', '-'):<16} {'needed. ' if t['needed'] else ''}{t['hint']}".rstrip())
            for t in row["takes"]
        ]
    return made


def _option(takes: Takes) -> inspect.Parameter:
    """The field as an option: --served-at, or --served_at as the API calls it."""
    flags = dict.fromkeys([f"--{takes.name.replace('_', '-')}", f"--{takes.name}"])
    told = "Needed. " if takes.needed else ""
    option = typer.Option(*flags, help=f"{told}{takes.hint}".strip() or None, metavar=_SHOWN.get(takes.kind))
    if takes.kind == "file":
        option.exists, option.dir_okay, option.readable = True, False, True
    kind = _TYPES[takes.kind]
    default: Any = False if takes.kind == "flag" else None
    hinted: Any = Annotated.__class_getitem__((kind if default is False else kind | None, option))  # type: ignore[attr-defined]
    # A trailing underscore keeps the field apart from the command's own parameters.
    return inspect.Parameter(f"{takes.name}_", inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hinted)


def _command(verb: str) -> Callable[..., None]:
    """The command of one verb, with its fields as options."""

    def run(ctx: typer.Context, from_: Path | None, as_json: bool, **given: Any) -> None:
        told = {name.removesuffix("_"): value for name, value in given.items() if value not in (None, False, [])}
        carry_out(Terminal.of(ctx, as_json), verb, told, from_)

    keyword = inspect.Parameter.KEYWORD_ONLY
    whole = typer.Option(
        "--from", metavar="FILE", help="TOML with the same fields. Options go before it.", exists=True, dir_okay=False
    )
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter("ctx", keyword, annotation=typer.Context),
            *map(_option, TAKES[verb]),
            inspect.Parameter("from_", keyword, default=None, annotation=Annotated[Path | None, whole]),
            inspect.Parameter("as_json", keyword, default=False, annotation=AsJson),
        ]
    )
    run.__annotations__ = {}
    run.__doc__ = f"{words(verb)}."
    return run


for _verb in TAKES:
    act.command(_verb)(_command(_verb))


# --- carrying it out


def carry_out(
    terminal: Terminal, verb: str, given: Mapping[str, Any], file: Path | None = None, *, ref: str = "", wait: bool = True
) -> None:
    """Gathers the fields, sends them once, and tells what the service made of it; of what takes time, once it is done, if `wait`."""
    ref = ref or terminal.ref
    service = chosen(terminal.address)
    fields = {**_from_file(verb, file), **{name: _ready(verb, name, value) for name, value in given.items()}}
    for takes in TAKES[verb]:
        if takes.kind == "secret" and takes.name not in fields and terminal.asks:
            fields[takes.name] = terminal.ask_hidden("Code of your second factor:")
    if missing := [t.name for t in TAKES[verb] if t.needed and fields.get(t.name) in (None, "", [], {})]:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in missing)
        raise Failed(
            Exit.USAGE, f"{verb} needs {options}: nothing was sent.", f"What it takes: ersr act {ref} {verb} --help"
        )
    path = fields.pop("file", None)
    if verb == "add_part":
        fields = _part(fields)
    with Client(service.address, service.token) as client:
        if path is not None:
            made = _send_file(terminal, client, service, ref, verb, Path(path), fields)
            if wait and "made" not in made:
                with terminal.progress("taking it in", made["size"]) as told:
                    made = client.uploaded(ref, made["number"], told=told)
        else:
            # A code is spent by its call: two calls with two codes are two calls.
            with Pending(service, f"requests/{ref}/{verb}", fields).key() as key:
                made = client.act(ref, verb, key=key, **fields)
    terminal.tell(made, *_done(verb, made))


def _ready(verb: str, name: str, value: Any) -> Any:
    kind = next(t.kind for t in TAKES[verb] if t.name == name)
    if kind in ("answers", "hits"):
        return dict(_pair(name, one, hit=kind == "hits") for one in value)
    return _time(name, value) if kind == "time" else list(value) if kind in ("numbers", "texts") else value


def _pair(name: str, text: str, *, hit: bool) -> tuple[str, Any]:
    """12=Since noon. Or example.com=removed,It is a shop."""
    of, found, said = text.partition("=")
    answer, comma, reason = said.partition(",")
    if not (found and of.strip() and (comma or not hit)):
        shape = "NAME=kept,REASON or NAME=removed,REASON" if hit else "N=TEXT"
        raise Failed(Exit.USAGE, f"--{name} takes {shape}, not {text!r}.")
    return of.strip(), {"answer": answer.strip(), "reason": reason.strip()} if hit else said


def _time(name: str, value: Any) -> str:
    try:
        return filing.told(filing.moment(value))
    except (ValueError, OverflowError):
        raise Failed(
            Exit.USAGE, f"--{name.replace('_', '-')}: enter a time with its zone, like 2026-11-15T00:00Z, not {value}."
        ) from None


def _from_file(verb: str, file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    found = read_toml(file, frozenset(t.name for t in TAKES[verb]), what=verb)
    times = {t.name for t in TAKES[verb] if t.kind == "time"}
    return {name: _time(name, value) if name in times else value for name, value in found.items()}


def _part(fields: dict[str, Any]) -> JSON:
    """{part, body}: a field that the part does not have is refused, and not dropped."""
    part, body = fields["part"], {name: value for name, value in fields.items() if name != "part"}
    if part not in filing.PARTS:
        raise Failed(Exit.USAGE, f"There is no part {part!r}; the parts are {', '.join(filing.PARTS)}.")
    known = {field.name for field in filing.PARTS[part].fields}
    if strange := sorted(body.keys() - known):
        raise Failed(Exit.USAGE, f"The part {part} has no {', '.join(strange)}; it has {', '.join(sorted(known))}.")
    assert known <= {t.name for t in PART_FIELDS}
    return {"part": part, "body": body}


class _Heard:
    """A file that tells how far it was read. The client may read it again from the beginning."""

    def __init__(self, file: BinaryIO, told: Told) -> None:
        self._file, self._told = file, told

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._told(self._file.tell(), None)
        return data

    def seek(self, place: int, whence: int = 0) -> int:
        return self._file.seek(place, whence)

    def tell(self) -> int:
        return self._file.tell()

    def fileno(self) -> int:
        return self._file.fileno()


def _send_file(
    terminal: Terminal, client: Client, service: Service, ref: str, verb: str, path: Path, fields: JSON
) -> JSON:
    with ExitStack() as stack:
        file = stack.enter_context(path.open("rb"))
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
        told = stack.enter_context(terminal.progress(f"sending {path.name}", size))
        body = {**fields, "file": digest, "name": path.name}
        key = stack.enter_context(Pending(service, f"requests/{ref}/{verb}", body).key())
        heard: Any = _Heard(file, told)
        if verb == "add_list":
            return client.add_list(ref, heard, title=fields.get("title", ""), name=path.name, key=key)
        return client.add_evidence(ref, heard, name=path.name, key=key)


def _on_its_way(made: JSON) -> list[Text | str]:
    if made["state"] == "waiting":
        return [f"Sent. It is taken in as file {made['number']} of {made['reference']}; look at {made['path']} or at the request's page."]
    refused = sum(made["refused"].values())
    lines: list[Text | str] = [
        Text.assemble(("Done: ", "bold green"), f"list {made['list']}, names {made['names']}, repeated {made['duplicates']}, refused {refused}."),
    ]
    if refused:
        lines.append(f"Why: ersr list show {made['reference']} {made['list']}")
    if not made["new"]:
        lines.append("These names were there already: nothing was changed.")
    return lines


def _done(verb: str, made: JSON) -> list[Text | str]:
    if "path" in made:
        return _on_its_way(made)
    what = {k: v for k, v in (made.get("made") or {}).items() if v not in (None, "")}
    kind = what.pop("kind", "")
    facts = ", ".join(f"{name} {value}" for name, value in what.items() if name not in ("digest", "new"))
    lines: list[Text | str] = [
        Text.assemble(("Done: ", "bold green"), f"{words(verb)}{f' ({kind}: {facts})' if facts else ''}."),
        f"{made['reference']} is {made['state'].replace('_', ' ')}. What you may do now: ersr act {made['reference']}",
    ]
    if what.get("new") is False:
        lines.insert(1, "These names were there already: nothing was changed.")
    if verb == "renew_words":
        lines.insert(1, f"Words: {made.get('words', '')}")
    if verb == "preview":
        lines.insert(1, f"Read it before you sign: ersr show {made['reference']} --preview {what['id']} FILE")
    return [line if isinstance(line, Text) else "\n".join(lines_of(line)) for line in lines]
