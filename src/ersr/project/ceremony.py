"""`ersr-service keys`: prove that the signing key answers, and have it certified by an authority that others trust already."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ersr.project.start import ready, stop

app = typer.Typer(no_args_is_help=True, help="The signing key: prove that it answers, have it certified.")


@app.command()
def prove() -> None:
    """Sign something of no meaning with the installed key, also after a token was given a wrong PIN: one try, by a person."""
    ready()
    from ersr.core.errors import Refusal
    from ersr.ledger.sequence import installed_keys
    from ersr.proof.hardware import HardwareKey

    try:
        signer = installed_keys().signer
        if isinstance(signer.key, HardwareKey):
            signer.key.prove(insist=True)
    except (Refusal, OSError) as refusal:
        stop([str(refusal)])
        return
    typer.echo(f"the key answers: {signer.kid} ({signer.backend})")


@app.command()
def csr() -> None:
    """Print a certificate signing request (PEM) of the signing key, for a certificate authority that others trust already."""
    ready()
    from ersr.core.errors import Refusal
    from ersr.ledger.sequence import installed_keys
    from ersr.proof import certificates

    try:
        signer = installed_keys().signer
        typer.echo(certificates.request(signer.key, signer.chain[0].subject).decode("ascii"), nl=False)
    except (Refusal, OSError) as refusal:
        stop([str(refusal)])


@app.command()
def chain(
    file: Annotated[Path, typer.Argument(help="PEM: the key's certificate first, then its issuers to the root")],
) -> None:
    """Put in the certificates that an authority issued for the signing key; only before anything was signed with it."""
    ready()
    from django.conf import settings

    from ersr.core.errors import Refusal
    from ersr.ledger import sequence
    from ersr.proof import keys
    from ersr.waivers.models import Waiver

    if Waiver.objects.exists():
        stop(["instruments were signed already: each carries its chain, and with another one they would not verify."])
    try:
        keys.certify(settings.ERSR_KEYS, file.read_bytes(), settings.ERSR_PKCS11)
    except (Refusal, OSError) as refusal:
        stop([str(refusal)])
    sequence._keys.cache_clear()
    typer.echo(f"written: {settings.ERSR_KEYS / 'chain.pem'} and keys.json; publish keys.json anew")
