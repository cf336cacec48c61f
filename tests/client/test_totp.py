"""The client's authenticator: RFC 6238's own numbers, and no code twice."""

from __future__ import annotations

import base64

import pytest

from ersr.client import totp

SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("seconds", "digits"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_codes_are_those_of_rfc_6238(seconds: int, digits: str) -> None:
    """Appendix B, SHA-1, the last six of the eight digits."""
    assert totp.code(SECRET, seconds // totp.STEP) == digits


def test_a_secret_may_be_written_with_spaces_small_and_without_padding() -> None:
    spaced = " ".join(SECRET[n : n + 4].lower() for n in range(0, len(SECRET), 4))
    assert totp.code(spaced, 1) == totp.code(SECRET, 1)
    assert len(totp.code("GEZDGNBV", 5)) == 6
    with pytest.raises(ValueError, match="base32"):
        totp.code("0189", 1)


def test_fresh_codes_are_of_the_smallest_unused_steps_and_wait_for_the_fourth(monkeypatch: pytest.MonkeyPatch) -> None:
    """now-1, now, now+1 at once; the next one when its step has come near."""
    clock = [1_000_000_010.0]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    monkeypatch.setattr(totp.time, "time", lambda: clock[0])
    monkeypatch.setattr(totp.time, "sleep", sleep)
    now = int(clock[0]) // totp.STEP
    shown = totp.Authenticator(SECRET)
    codes = [shown.fresh() for _ in range(3)]
    assert codes == [totp.code(SECRET, now + n) for n in (-1, 0, 1)]
    assert slept == []
    assert shown.fresh() == totp.code(SECRET, now + 2)
    assert 0 < sum(slept) <= totp.STEP
    assert int(clock[0]) // totp.STEP == now + 1
