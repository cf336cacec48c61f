"""`ersr login`, `logout`, `whoami`: how the command comes to act for a person, and stops to."""

from __future__ import annotations

import socket
import time
import webbrowser
from typing import Annotated, Any

import httpx
import typer

from ersr.client.command.exits import Exit
from ersr.client.command.keeping import Service, Services, address_of, chosen
from ersr.client.command.terminal import AsJson, Failed, Terminal, rows, say_here
from ersr.client.http import Client, Problem

#: What each slow_down adds to the seconds between two questions (RFC 8628, 3.5).
SLOWER = 5
SCOPES = ("read", "write", "sign", "admin")


def login(
    ctx: typer.Context,
    address: Annotated[
        str, typer.Argument(help="The service, such as https://srw.example. Without it: the last one.")
    ] = "",
    scope: Annotated[
        list[str] | None, typer.Option(help=f"May be repeated: {', '.join(SCOPES)}. Without it: read and write.")
    ] = None,
    days: Annotated[int, typer.Option(help="How long the token is to last, at most 366.")] = 30,
    name: Annotated[str, typer.Option(help="What this machine is called on the page where you approve.")] = "",
    open_: Annotated[
        bool, typer.Option("--open", help="Open the page in your browser, if this is a terminal.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Sign in: you approve a short code in the browser, and this machine gets a token of its own.

    Your password and your second factor are never typed here. The token lies in the system's keyring, or in a file that only
    you can read.
    """
    terminal = Terminal.of(ctx, as_json)
    services = Services()
    goal = address_of(address or terminal.address or services.current or "")
    with Client(goal) as client:
        asked = client.ask_device_code(
            name=name or f"ersr on {socket.gethostname()}"[:60], scopes=scope or ["read", "write"], days=days
        )
        page = str(asked["verification_uri"])
        terminal.note(f"Open {page} in your browser, and type this code there:", "", f"    {asked['user_code']}", "")
        terminal.note(f"It counts for {asked['expires_in'] // 60} minutes. Waiting for you to approve ...")
        if open_ and terminal.asks and page.startswith(("https://", "http://")):
            webbrowser.open(page)
        made = _wait(client, asked)
    with Client(goal, made["token"]) as client:
        email = client.me()["email"] if "read" in made["scopes"] else ""
    service = Service(
        goal, made["token"], made["id"], name or socket.gethostname(), email, tuple(made["scopes"]), made["expires_at"]
    )
    before = services.get(goal)
    kept = services.put(service)
    if before and before.token:
        _end(before)
    told = {
        "address": goal,
        "email": email,
        "scopes": made["scopes"],
        "expires_at": made["expires_at"],
        "kept": kept.kept,
    }
    where = "the keyring" if kept.kept == "keyring" else str(services.path)
    terminal.tell(
        told,
        f"Signed in to {goal}{f' as {email}' if email else ''}. It may {', '.join(made['scopes'])} until {say_here(made['expires_at'])}.",
        f"The token is in {where}. End it with: ersr logout",
    )


def _wait(client: Client, asked: dict[str, Any]) -> dict[str, Any]:
    """Asks until the person has decided. A connection that breaks makes it ask less often, as slow_down does."""
    wait, until = float(asked["interval"]), time.monotonic() + float(asked["expires_in"])
    while time.monotonic() < until:
        time.sleep(wait)
        try:
            return client.fetch_device_token(asked["device_code"])
        except httpx.TransportError:
            wait += SLOWER
        except Problem as problem:
            if problem.code == "slow_down":
                wait += SLOWER
            elif problem.code == "access_denied":
                raise Failed(Exit.SIGN_IN, "It was refused in the browser: you are not signed in.") from None
            elif problem.code == "expired_token":
                break
            elif problem.code != "authorization_pending":
                raise
    raise Failed(Exit.SIGN_IN, "The code is too old or was used: you are not signed in.", "Run the same command again.")


def _end(service: Service) -> bool:
    """Ends the token on the service; whether it counted until now."""
    if service.token_id is None:
        return False
    with Client(service.address, service.token) as client:
        try:
            client.end_token(service.token_id)
        except Problem as problem:
            if problem.status not in (401, 404):
                raise
            return False
    return True


def logout(
    ctx: typer.Context,
    forget: Annotated[
        bool, typer.Option("--forget", help="Only forget it here, if the service cannot be reached.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """End this machine's token on the service, and forget it here."""
    terminal = Terminal.of(ctx, as_json)
    service = chosen(terminal.address, lost=forget)
    if service.kept == "environment":
        raise Failed(
            Exit.USAGE, "This token comes from $ERSR_TOKEN.", "Unset it, and end it on the page “Your account”."
        )
    ended = False if forget else _end(service)
    Services().forget(service.address)
    said = (
        "ended there and forgotten here"
        if ended
        else "forgotten here"
        if forget
        else "forgotten here; it had ended already"
    )
    terminal.tell({"address": service.address, "ended": ended}, f"The token for {service.address} is {said}.")
    if forget:
        terminal.note("Until it expires it still counts: end it on the page “Your account”.")


def whoami(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Say for whom the command acts, where, and what its token may do; and where else you are signed in."""
    terminal = Terminal.of(ctx, as_json)
    service = chosen(terminal.address)
    with Client(service.address, service.token) as client:
        me = client.me()
        token = next((row for row in client.tokens() if row["current"]), None)
    others = [] if service.kept == "environment" else [a for a in Services() if a != service.address]
    told = {**me, "service": service.address, "token": token, "kept": service.kept, "other_services": others}
    party = me["party"]["name"]
    terminal.tell(
        told,
        *rows(
            [
                ("Service", service.address),
                ("You", f"{me['name']} <{me['email']}>, {party}"),
                ("Roles", ", ".join(r.replace("_", " ") for r in me["roles"])),
                (
                    "Token",
                    f"{token['name']}: may {', '.join(token['scopes'])} until {say_here(token['expires_at'])}"
                    if token
                    else "",
                ),
                ("Kept in", service.kept),
                ("Also", others),
            ]
        ),
    )
