"""What the client repeats, and what it never does: against answers made up, and against the service over a network that breaks."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import httpx
import pytest

from ersr import clock
from ersr.client.http import Client, Problem
from tests.client.breaking import breaking


def scripted(*answers: Any) -> tuple[Client, list[str], list[float]]:
    """A client whose service gives these answers in turn; what was sent, and how long was waited."""
    script, sent, waited = list(answers), [], []

    def answer(request: httpx.Request) -> httpx.Response:
        request.read()
        sent.append(f"{request.method} {request.headers.get('Idempotency-Key', '-')} {len(request.content)}")
        told = script.pop(0)
        if isinstance(told, type):
            raise told("broken", request=request)
        return told

    return Client("http://service.test", transport=httpx.MockTransport(answer), sleep=waited.append), sent, waited


def later(status: int, seconds: str | None) -> httpx.Response:
    return httpx.Response(status, json={"code": "busy"}, headers={"Retry-After": seconds} if seconds else {})


GOOD = httpx.Response(200, json={"reference": "SRW-1"})


@pytest.mark.parametrize("broken", [httpx.ReadError, httpx.ConnectError, httpx.RemoteProtocolError, httpx.ReadTimeout])
def test_what_cannot_act_twice_is_sent_again_when_the_connection_breaks(broken: type[Exception]) -> None:
    client, sent, waited = scripted(broken, broken, GOOD)
    assert client.submit({"a": 1}, key="k")["reference"] == "SRW-1"
    assert len(sent) == 3
    assert set(sent) == {sent[0]}
    assert sent[0].startswith("POST k ")
    assert waited == [0.2, 1.0]
    client, sent, _ = scripted(broken, GOOD)
    client.me()
    assert len(sent) == 2


@pytest.mark.parametrize("told", [httpx.ReadError, httpx.ReadTimeout, later(503, "1"), later(429, "1")])
def test_what_may_act_twice_is_sent_once(told: Any) -> None:
    """A POST without a key, and a DELETE: whether they acted is not known, and the caller has to look."""
    for call in (lambda c: c.submit({}), lambda c: c.end_token(1)):
        client, sent, waited = scripted(told, GOOD)
        with pytest.raises((Problem, httpx.TransportError)):
            call(client)
        assert len(sent) == 1
        assert waited == []


@pytest.mark.parametrize("status", [503, 429])
def test_retry_after_is_waited_for_and_not_a_second_more(status: int) -> None:
    client, sent, waited = scripted(later(status, "2"), later(status, "7"), GOOD)
    client.submit({}, key="k")
    assert (len(sent), waited) == (3, [2, 7])


@pytest.mark.parametrize(
    "told", [later(503, None), later(500, "1"), later(502, "1"), later(409, "1"), later(422, "1"), later(429, "900"), later(503, "Wed, 21 Oct 2026 07:28:00 GMT")]
)  # fmt: skip
def test_everything_else_is_raised_at_once(told: httpx.Response) -> None:
    """No seconds named, or more than patience has, or a refusal that a second try does not change."""
    client, sent, waited = scripted(told, GOOD)
    with pytest.raises(Problem) as said:
        client.submit({}, key="k")
    assert said.value.status == told.status_code
    assert (len(sent), waited) == (1, [])


def test_it_ends() -> None:
    """Four tries; and all waiting together stays within patience."""
    client, sent, _ = scripted(*[httpx.ReadError] * 9)
    with pytest.raises(httpx.ReadError):
        client.me()
    assert len(sent) == 4
    client, sent, waited = scripted(*[later(503, "20")] * 9)
    with pytest.raises(Problem) as said:
        client.me()
    assert (len(sent), waited, said.value.retry_after) == (2, [20], 20)


@pytest.fixture
def site(transactional_db: None, live_server: Any) -> Any:
    from ersr.people import actions as people
    from tests import world as worlds

    w = worlds.build(clock.now().replace(microsecond=0) - timedelta(minutes=10))
    _, token = people.make_token(w.filer, name="t", scopes=("read", "write"), lasts=timedelta(days=1), now=clock.real())
    return live_server.url, token


def test_over_a_network_that_breaks_in_mid_answer_a_filing_is_filed_once(site: Any) -> None:
    """The service has filed when the answer is cut: the same key finds what was filed. A list too, streamed anew."""
    from ersr.lists.models import ListVersion
    from ersr.requests.models import Request
    from tests.world import SIX

    address, token = site
    with breaking(address) as network, Client(network.address, token, sleep=lambda _: None) as client:
        network.breaks = 2
        made = client.submit(SIX, key="the-only-one")
        assert (network.breaks, network.connections) == (0, 3)
        assert [r.reference for r in Request.objects.all()] == [made["reference"]]
        network.breaks = 1
        names = "".join(f"n{n}.com\n" for n in range(20_000)).encode()
        listed = client.add_list(made["reference"], io.BytesIO(names), key="list")
        assert (listed["made"]["names"], ListVersion.objects.count()) == (20_000, 1)
        network.breaks, network.after = 1, 50_000
        file, heard = io.BytesIO(), []
        size = client.save(f"requests/{made['reference']}/lists/1/names", file, told=lambda *told: heard.append(told))
        assert sorted(file.getvalue().split()) == sorted(names.split())
        assert (size, heard[-1], network.breaks) == (len(names), (len(names), len(names)), 0)
        network.breaks, network.after = 1, 40
        with pytest.raises(httpx.TransportError):
            client.submit(SIX | {"happening": "Another one."})
        assert Request.objects.count() == 2, "without a key the caller has to look: this one was filed"
