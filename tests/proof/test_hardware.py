"""A signing key in a token: the same documents, safe among threads and processes, and a refusal for each thing that is missing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from ersr.core.errors import Refusal
from ersr.proof import hardware, keys
from ersr.proof.hardware import Place
from tests import softhsm
from tests.proof import samples

ROOT = Path(__file__).resolve().parent.parent.parent


def made(folder: Path, place: Place) -> keys.Keys:
    return keys.generate(folder, "A", "log.example/a", now=samples.MADE, development=True, place=place)


def refusal(place: Place, **words: bool) -> str:
    """What proving the key at that place is refused with."""
    with pytest.raises(Refusal) as told:
        hardware.HardwareKey(place, _stranger()).prove(**words)
    assert told.value.code == "key_absent"
    assert place.pin not in told.value.message
    return told.value.message


def _stranger():
    return hardware.ec.generate_private_key(hardware.ec.SECP256R1()).public_key()


def test_four_threads_sign_at_once_and_every_signature_is_the_keys(tmp_path: Path) -> None:
    """One log-in of the process, taken in turns: two operations at a time on one session would give each other's result."""
    mine = made(tmp_path, softhsm.place("threads"))
    assert mine.signer.backend == "pkcs11"
    held = hardware._token(softhsm.place("threads"))
    held.session.close()
    held.session = None  # as in a process that has just started: all four come to a door that one of them must open
    texts = [f"text {number}".encode() for number in range(200)]
    with ThreadPoolExecutor(4) as pool:
        signatures = list(pool.map(mine.signer.sign, texts))
    key = mine.key_set().signing[0]
    assert all(key.verifies(text, signature) for text, signature in zip(texts, signatures, strict=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chain.pem", "checkpoint.pem", "keys.json", "root.pem"]
    with pytest.raises(UnsupportedAlgorithm):
        mine.signer.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    with pytest.raises(Refusal, match="holds 'srw-signing' already"):
        made(tmp_path / "again", softhsm.place("threads"))


def test_workers_of_gunicorn_sign_although_their_parent_logged_in_before_the_fork(tmp_path: Path) -> None:
    """The worst order: the application is loaded, and has signed, before two workers with four threads are forked."""
    place = softhsm.place("workers")
    app = tmp_path / "signing.py"
    app.write_text(
        "import os\nfrom pathlib import Path\nfrom ersr.proof import hardware, keys\nfrom ersr.proof.hardware import Place\n"
        f"from tests.proof import samples\nplace = Place(*{(place.module, place.token, place.key, place.pin)!r})\n"
        f"mine = keys.generate(Path({str(tmp_path / 'keys')!r}), 'A', 'log.example/a', now=samples.MADE, development=True, place=place)\n"
        "mine.signer.sign(b'before the fork')\n"
        "def application(environ, start):\n"
        "    text = environ['QUERY_STRING'].encode()\n    signature = mine.signer.sign(text)\n"
        "    start('200 OK', [])\n    own = hardware._started[place.module] == os.getpid()\n"
        "    return [f'{os.getpid()}{own} {signature.hex()}'.encode()]\n"
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [
        "gunicorn",
        "signing:application",
        "--preload",
        "--bind",
        f"127.0.0.1:{port}",
        "--workers",
        "2",
        "--threads",
        "4",
    ]
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=tmp_path,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def ask(number: int) -> tuple[str, bytes, bytes]:
        with urlopen(f"http://127.0.0.1:{port}/?{number}", timeout=20) as answer:
            process, _, signature = answer.read().decode().partition(" ")
        return process, str(number).encode(), bytes.fromhex(signature)

    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                ask(0)
                break
            except (URLError, OSError):
                assert server.poll() is None, (tmp_path / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.1)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(ask, range(1, 121)))
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)
    key = keys.KeySet.parse((tmp_path / "keys" / "keys.json").read_bytes()).signing[0]
    assert all(key.verifies(text, signature) for _, text, signature in answers)
    assert len({process for process, _, _ in answers}) == 2
    assert all(process.endswith("True") for process, _, _ in answers), (
        "each started the module and logged in for itself"
    )


def test_a_token_is_asked_once_with_a_wrong_pin_and_then_by_a_person_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that restarts and tries again would lock the token, and with it the authority, within a minute."""
    bad, good = softhsm.place("wrong", pin="0000-0000"), softhsm.place("wrong")
    pkcs11 = hardware._library()
    assert "refused the PIN" in refusal(bad)
    tried = []
    monkeypatch.setattr(pkcs11, "lib", lambda *words: tried.append(words))
    assert "refused the PIN; it is not asked again" in refusal(bad)
    assert tried == [], "the same process did not even reach for the module"
    monkeypatch.undo()
    hardware._tokens.clear()  # as after a restart
    for place in (bad, good):
        assert "was given a wrong PIN and is not asked again" in refusal(place)
    assert "is not that of the key" not in refusal(good)
    said = refusal(softhsm.place("wrong", pin=softhsm.PIN, key="none"), insist=True)
    assert "holds not exactly one key labelled 'none'" in said, "the right PIN was taken, and the count begins anew"
    hardware._tokens.clear()


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (Place("/nowhere/module.so", "case", "k", "1234"), "the PKCS#11 module /nowhere/module.so cannot be used"),
        (Place(softhsm.module(), "unplugged", "k", "1234"), "there is not exactly one token labelled 'unplugged'"),
    ],
    ids=["module", "token"],
)
def test_a_module_or_token_that_is_not_there_is_named(place: Place, said: str) -> None:
    softhsm.store()
    assert refusal(place).startswith(said)


def test_a_key_that_is_not_in_the_token_or_not_the_certificates_is_named(tmp_path: Path) -> None:
    assert "holds not exactly one key labelled 'srw-signing'" in refusal(softhsm.place("empty"))
    mine = made(tmp_path / "a", softhsm.place("empty"))
    mine.signer.key.prove()
    assert "the certificate in chain.pem is not that of the key 'srw-signing'" in refusal(softhsm.place("empty"))


def test_without_the_extra_package_the_refusal_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    assert "install ersr[pkcs11]" in refusal(Place("m", "t", "k", "never asked"))


def test_a_key_file_beside_a_token_is_a_contradiction(tmp_path: Path) -> None:
    """A copy of the signing key on the machine is what the token is there to prevent."""
    keys.generate(tmp_path, "A", "log.example/a", now=samples.MADE, development=True)
    with pytest.raises(Refusal, match="take it off the machine"):
        keys.load(tmp_path, Place("m", "t", "k", "p"))
