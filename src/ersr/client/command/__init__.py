"""The command `ersr`: file, follow and act on requests from a terminal or a script, and check what the authority signed.

One file a subject: access (who you are), filing, acting (the life-cycle table), reading,
verifying and names (offline, no service needed);
terminal says how all of them speak, exits with what number they end, keeping what stays on disk, fields what actions take.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import httpx
import typer
from typer.core import TyperGroup

from ersr.client.command import access, acting, filing, membership, names, reading, verifying
from ersr.client.command.exits import Exit, table
from ersr.client.command.terminal import Failed, Terminal, printable, problem_json
from ersr.client.http import Problem
from ersr.core.errors import Refusal

#: code of a problem, or status where there is none -> what to do next.
NEXT = {
    "conflict": "Look at it (ersr show REF), and decide anew.",
    "invalid": "Mend what is named, and run it again.",
    "not_allowed": "For whom you act: ersr whoami",
    "not_found": "Check the reference, and for whom you act: ersr whoami",
    "not_now": "What you may do now: ersr act REF",
    "scope": "Sign in again with the scope: ersr login --scope read --scope write --scope sign",
    "sign_in": "Sign in: ersr login",
    "pending": "Run it again in a moment.",
    "too_many": "Wait, or call the duty line.",
}
AGAIN = "Run the same command again: it acts once. If it is urgent, call the duty line."


def explained(error: BaseException) -> tuple[Exit, str, str, dict[str, Any]]:
    """(exit code, what happened, what to do next, the problem's members)."""
    if isinstance(error, Failed):
        return error.code, error.words, error.advice, {"code": error.code.name.lower(), "errors": []}
    if isinstance(error, Refusal):  # said by the rules on this side: nothing was sent
        errors = [{"field": e.field, "message": e.message} for e in error.fields]
        return Exit.USAGE, error.message, "Nothing was sent.", {"code": error.code, "errors": errors}
    if isinstance(error, httpx.TransportError | httpx.InvalidURL):
        words = f"The service did not answer ({type(error).__name__})."
        return Exit.UNREACHABLE, words, AGAIN, {"code": "unreachable", "errors": []}
    assert isinstance(error, Problem)
    more = {
        "code": error.code,
        "status": error.status,
        "title": error.title,
        "errors": error.errors,
        "who_can": error.who_can,
    }
    words = error.detail or f"{error.status} {error.title}"
    if error.status >= 500 or error.status == 429:
        return Exit.UNREACHABLE, words, NEXT.get(error.code, AGAIN), more
    if error.status == 202:
        return Exit.PENDING, words or "Not ready yet.", NEXT["pending"], more
    if error.status == 401 or error.code == "scope":
        return Exit.SIGN_IN, words, NEXT.get(error.code, NEXT["sign_in"]), more
    return Exit.REFUSED, words, NEXT.get(error.code, ""), more


class Group(TyperGroup):
    """Turns everything that can go wrong into words on stderr and a number, in this one place."""

    def invoke(self, ctx: Any) -> Any:
        try:
            done = super().invoke(ctx)
            sys.stdout.flush()
            return done
        except (Failed, Refusal, Problem, httpx.TransportError, httpx.InvalidURL) as error:
            _say(ctx, *explained(error))
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the last flush would say it again
            raise typer.Exit(Exit.PIPE_CLOSED) from None
        except KeyboardInterrupt:
            print("\nersr: Stopped. What was sent already counts; the same command again acts once.", file=sys.stderr)
            raise typer.Exit(Exit.STOPPED) from None


def _say(ctx: Any, code: Exit, words: str, advice: str, more: dict[str, Any]) -> None:
    terminal = ctx.find_root().obj
    if terminal is not None and terminal.as_json:
        print(problem_json(code, words, advice, more), file=sys.stderr)
        raise typer.Exit(code)
    said = [words]
    if len(more["errors"]) > 1 or (more["errors"] and more["errors"][0]["message"] != words):
        said += [f"  {e['field']}: {e['message']}" for e in more["errors"]]
    said += [f"  Who can: {', '.join(more['who_can'])}"] if more.get("who_can") else []
    said += [advice] if advice else []
    for line in said:
        print(f"ersr: {printable(line)}", file=sys.stderr)
    raise typer.Exit(code)


app = typer.Typer(
    cls=Group, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    epilog="Exit codes: " + " ".join(f"{code.value} {code.words}" for code in Exit),
)  # fmt: skip


def _exits(wanted: bool) -> None:
    if wanted:
        print(table())
        raise typer.Exit


@app.callback()
def ersr(
    ctx: typer.Context,
    service: Annotated[
        str,
        typer.Option(
            envvar="ERSR_ADDRESS",
            metavar="ADDRESS",
            help="Which service, if you use several. Without it: the one signed in to last.",
        ),
    ] = "",
    exits: Annotated[
        bool,
        typer.Option("--exit-codes", is_eager=True, callback=_exits, help="Print the exit codes and what they mean."),
    ] = False,
) -> None:
    """Security Response Waiver: file and follow requests, act on them, and check what the authority signed."""
    ctx.obj = Terminal(service.strip())


app.command()(access.login)
app.command()(access.logout)
app.command()(access.whoami)
app.command()(filing.file)
app.command()(reading.requests)
app.command()(reading.show)
app.add_typer(reading.lists, name="list")
app.add_typer(acting.act, name="act")
app.command()(reading.waivers)
names.names.command()(membership.covers)
names.names.command()(membership.prove)
app.add_typer(names.names, name="names")
app.command()(verifying.verify)


def main() -> None:
    app(prog_name="ersr")
