"""`ersr names screen`: what a list would hit, before anybody signs. Offline; needs the extra `lists`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ersr.client.command.exits import Exit
from ersr.client.command.terminal import AsJson, Failed, Terminal, rows
from ersr.core.errors import Refusal
from ersr.core.screening import Class
from ersr.names.canonical import tlds_of


def _file(words: str, *options: str) -> typer.models.OptionInfo:
    return typer.Option(*options, metavar="FILE", exists=True, dir_okay=False, readable=True, help=words)


def screen(
    ctx: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", exists=True, file_okay=False, help="A list as `ersr names intake` left it.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR2", help="The folder that is made: summary.json and hits.csv.")],
    zone: Annotated[
        list[str] | None,
        typer.Option(metavar="TLD=FILE", help="A zone file as CZDS delivers it, gzip or plain; once for each TLD."),
    ] = None,
    popular: Annotated[
        Path | None, _file("Much-visited names: one a line, the most visited first, or rank,name.")
    ] = None,
    reserved: Annotated[Path | None, _file("Names that the registry holds as reserved or premium, one a line.")] = None,
    allow: Annotated[Path | None, _file("Names known to be legitimate, to be left alone, one a line.")] = None,
    sinkhole_ns: Annotated[Path | None, _file("Name servers of known sinkholes, one host a line.")] = None,
    registered: Annotated[Path | None, _file("Names registered without delegation, one a line.")] = None,
    workers: Annotated[
        int, typer.Option(min=0, max=256, metavar="N", help="Processes. 0: one a processor, no more than zones.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Say of each name of a list what it would hit: allowed, popular, reserved, registered, sinkholed, or nothing.

    A name has the first class of these that fits. Names of a TLD whose zone was not given are `unscreened` unless a list says more. DIR2 is
    whole or not there, with the same bytes whatever N; what is finished is kept beside it, so that the same command goes on after a stop.

    Exit code: 0 screened, whatever was hit; 2 a file cannot be used, or wrong usage. --json prints what summary.json holds, and
    beside it `folder`.
    """
    terminal = Terminal.of(ctx, as_json)
    from ersr.client.command.names import require_polars

    require_polars()
    from ersr.names.screening import Beside, screen

    zones = _zones(zone or [])
    beside = Beside(popular=popular, reserved=reserved, allow=allow, sinkholes=sinkhole_ns, registered=registered)
    try:
        with terminal.progress("Screening") as told:
            summary = screen(folder, zones, out, beside, workers=workers, tell=told)
    except Refusal as refusal:
        raise Failed(Exit.USAGE, str(refusal.message), "Nothing was written.") from refusal
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise Failed(
            Exit.USAGE, f"{where}{error.strerror or error}.", "Nothing was written. Mend that, and run it again."
        ) from error
    terminal.tell(
        summary | {"folder": str(out)},
        *rows([
            ("Names", f"{summary['names']:,}"),
            *((one.value.capitalize(), f"{summary['classes'][one.value]:,}") for one in Class),
            ("Hits", str(out / "hits.csv")),
        ]),
    )  # fmt: skip
    if summary["unscreened"]:
        some = ", ".join(f".{tld}" for tld in summary["unscreened"][:10])
        more = f" and {len(summary['unscreened']) - 10} more" if len(summary["unscreened"]) > 10 else ""
        count = summary["classes"][Class.UNSCREENED]
        terminal.note(
            f"ersr: NOT SCREENED: {count:,} names. No zone was given for {some}{more}: nobody knows what is registered there."
        )
    if unused := sorted(zones.keys() - summary["tlds"].keys()):
        terminal.note(
            f"ersr: Not needed, since the list has no names there: the zone of {', '.join(f'.{tld}' for tld in unused)}."
        )


def _zones(given: list[str]) -> dict[str, Path]:
    zones: dict[str, Path] = {}
    for one in given:
        text, sign, file = one.partition("=")
        if not (sign and text and file):
            raise typer.BadParameter(f"{one!r} is not TLD=FILE, such as com=com.zone.gz.", param_hint="--zone")
        try:
            (tld,) = tlds_of([text])
        except Refusal as refusal:
            raise typer.BadParameter(str(refusal.message), param_hint="--zone") from refusal
        if tld in zones:
            raise typer.BadParameter(f".{tld} has two zone files; give one.", param_hint="--zone")
        if not Path(file).is_file():
            raise typer.BadParameter(f"{file} is no file.", param_hint="--zone")
        zones[tld] = Path(file)
    return zones
