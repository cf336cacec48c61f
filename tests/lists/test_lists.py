"""Name lists: one file, one digest, one version at a time; hits that nobody overlooks."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from ersr.core.lifecycle import State
from ersr.files import store
from ersr.ledger.models import Event
from ersr.lists import actions as lists
from ersr.lists import queries as list_queries
from ersr.lists.models import Hit, ListVersion, NameList
from ersr.names.screen import Popularity
from ersr.requests import actions
from tests.names import generator
from tests.requests.steps import Case, begin, refused

pytestmark = pytest.mark.django_db


def digest(*names: str) -> str:
    return hashlib.sha256("".join(f"{n}\n" for n in sorted(set(names))).encode()).hexdigest()


def add(c: Case, *names: str, title: str = "x") -> tuple[ListVersion, bool]:
    return actions.add_list(c.ref, "\n".join(names).encode(), title=title, by=c.w.filer, now=c.w.now)


def popular(c: Case, text: bytes, **words: object) -> None:
    given = {"title": "Made", "as_of": c.w.now.date(), "by": c.w.officer, "now": c.w.now, **words}
    lists.import_popularity(text, **given)  # type: ignore[arg-type]


@pytest.fixture
def c(db: None) -> Case:
    return begin()


def test_the_digest_is_what_sort_and_sha256sum_give(c: Case, tmp_path: Path) -> None:
    """An outside judge: `LC_ALL=C sort -u names.txt | sha256sum`, on the names in the order and number they came."""
    names = [*generator.generated(500), "zulu.biz", "alpha.biz", "zulu.biz"]
    (tmp_path / "names.txt").write_text("\n".join(names) + "\n")
    told = subprocess.run(
        ["sh", "-c", "LC_ALL=C sort -u names.txt | sha256sum"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    version, _ = add(c, *names)
    assert version.digest == told.stdout.split()[0]
    assert (version.lines, version.names, version.duplicates) == (503, 502, 1)
    assert b"".join(list_queries.lines_of(version)).decode().split() == sorted(set(names))


def test_every_line_is_counted_once(c: Case) -> None:
    """lines = names + duplicates + refused, and the refused ones are kept with their reasons."""
    version, _ = add(c, "alpha.biz", "ALPHA.biz.", "bravo.example", "not a name", "bravo.com")
    assert version.lines == version.names + version.duplicates + sum(version.refused.values())
    assert (version.names, version.duplicates) == (2, 1)
    assert [row[1] for row in version.refused_rows] == ["bravo.example", "not a name"]
    assert version.tlds == {"biz": 1, "com": 1}


def test_the_same_list_twice_is_a_no_op(c: Case) -> None:
    """In another order, with doubles, under another title: no row, no event."""
    first, new = add(c, "alpha.biz", "bravo.com")
    assert new
    before = Event.objects.count()
    again, new = add(c, "bravo.com", "alpha.biz", "alpha.biz", title="Another")
    assert (again, new) == (first, False)
    assert Event.objects.count() == before
    assert NameList.objects.count() == 1


def test_names_taken_out_do_not_come_back_by_the_same_file(c: Case) -> None:
    """The registry's script posts the file once more after staff removed a legitimate name."""
    c.to(State.DECIDING)
    names = ("alpha.biz", "bravo.com", "charlie.net")
    actions.remove_names(c.ref, 1, ["alpha.biz"], reason="A real site", by=c.w.security, now=c.w.now)
    version, new = add(c, *names)
    assert new is False
    assert version.version == 1
    assert NameList.objects.count() == 1
    assert list_queries.latest_versions(c.request.incident)[0].digest == digest("bravo.com", "charlie.net")


def test_removal_makes_a_new_version_with_the_right_digest(c: Case) -> None:
    c.to(State.DECIDING)
    version = actions.remove_names(c.ref, 1, ["bravo.com"], reason="A real site", by=c.w.security, now=c.w.now)
    assert version.digest == digest("alpha.biz", "charlie.net")
    assert (version.version, version.names, version.lines, version.removed) == (2, 2, 2, ["bravo.com"])
    assert version.tlds == {"biz": 1, "net": 1}
    first = ListVersion.objects.get(version=1)
    assert list(list_queries.lines_of(first)) == [b"alpha.biz\nbravo.com\ncharlie.net\n"], "the first stays readable"
    refused(
        lambda: actions.remove_names(c.ref, 1, ["alpha.biz", "charlie.net"], reason="x", by=c.w.security, now=c.w.now),
        "invalid",
        "leave the list empty",
    )
    c.w.assert_whole()


def test_a_list_of_200_000_names_is_a_small_file(c: Case) -> None:
    names = [f"n{number:06d}.biz" for number in range(200_000)]
    version, _ = add(c, *names)
    assert version.names == 200_000
    assert version.digest == digest(*names)
    assert len(store.get(version.file_id)) < 2_000_000, "a file, and a small one"


@pytest.mark.parametrize(
    "payload", [b"", b"\n\n", b"not a name\n", b"alpha.example\n", b"\xff\xfe\x00", b"# only a remark\n"]
)
def test_a_file_without_a_name_is_refused_in_words(c: Case, payload: bytes) -> None:
    refused(lambda: actions.add_list(c.ref, payload, title="x", by=c.w.filer, now=c.w.now), "unfit")
    assert not NameList.objects.exists()


def test_a_name_outside_the_requests_tlds_is_not_taken_in(c: Case) -> None:
    """Not even one of another operator's."""
    version, _ = add(c, "alpha.biz", "alpha.wind", "alpha.north00")
    assert version.names == 1
    assert sum(version.refused.values()) == 2


# --- popularity ---


def test_a_list_is_screened_as_it_comes_in(c: Case) -> None:
    popular(c, b"1,bravo.com\n2,unrelated.com\n")
    add(c, "alpha.biz", "bravo.com")
    assert [(h.name, h.rank, h.answer) for h in Hit.objects.all()] == [("bravo.com", 1, "")]


def test_the_four_legitimate_names_of_march_2009_are_found_worst_first(c: Case) -> None:
    """Only the name itself counts: www.jogli.com is another."""
    ranks = Popularity.parse(generator.popularity())
    known = sorted({n.rsplit(".", 1)[1] for n in generator.filed()} & set(c.request.tlds))
    popular(c, "".join(f"{rank},{name}\n" for name, rank in {**ranks, "www.jogli.com": 9_999_999}.items()).encode())
    add(c, *generator.filed(), "www.jogli.com")
    found = list(Hit.objects.values_list("name", "rank"))
    assert [name for name, _ in found] == [name for name in generator.LEGITIMATE if name.rsplit(".", 1)[1] in known]
    assert found == sorted(((n, ranks[n]) for n, _ in found), key=lambda one: one[1])
    assert len(found) >= 3
    other = Case(c.w).file()
    add(other, *generator.generated())
    assert not Hit.objects.filter(of__incident=other.request.incident).exists()


def test_a_later_popularity_list_screens_the_lists_that_are_under_way(c: Case) -> None:
    """And leaves those of closed and withdrawn requests alone."""
    add(c, "alpha.biz", "bravo.com")
    gone = Case(c.w).file()
    add(gone, "bravo.com", "charlie.net")
    gone.to(State.WITHDRAWN)
    popular(c, b"7,bravo.com\n")
    assert [(h.of.incident, h.rank) for h in Hit.objects.all()] == [(c.request.incident, 7)]


def test_answered_hits_stay_answered_when_another_list_comes(c: Case) -> None:
    popular(c, b"1,alpha.biz\n")
    c.to(State.DECIDING)
    actions.answer_hits(c.ref, 1, {"alpha.biz": ("kept", "Ours")}, by=c.w.security, now=c.w.now)
    popular(c, b"5,alpha.biz\n6,bravo.com\n")
    assert {(h.name, h.answer) for h in Hit.objects.all()} == {("alpha.biz", "kept"), ("bravo.com", "")}


def test_only_names_that_are_still_on_the_list_are_hits(c: Case) -> None:
    c.to(State.DECIDING)
    actions.remove_names(c.ref, 1, ["alpha.biz"], reason="x", by=c.w.security, now=c.w.now)
    popular(c, b"1,alpha.biz\n2,bravo.com\n")
    assert [h.name for h in Hit.objects.all()] == ["bravo.com"]


def test_the_newest_popularity_list_counts_also_of_two_at_one_moment(c: Case) -> None:
    popular(c, b"1,alpha.biz\n")
    popular(c, b"1,bravo.com\n")
    add(c, "alpha.biz", "bravo.com")
    assert [h.name for h in Hit.objects.all()] == ["bravo.com"]


@pytest.mark.parametrize("who", ["filer", "approver", "signatory", "auditor", "administrator"])
def test_who_does_not_work_cases_imports_no_popularity_list(c: Case, who: str) -> None:
    refused(lambda: popular(c, b"1,alpha.biz\n", by=getattr(c.w, who)), "not_allowed")


@pytest.mark.parametrize(("text", "title"), [(b"1,alpha.biz\n", " "), (b"nonsense here\n", "x"), (b"", "x")])
def test_a_popularity_list_without_sense_is_refused(c: Case, text: bytes, title: str) -> None:
    with pytest.raises(Exception, match=r".+") as refusal:
        popular(c, text, title=title)
    assert refusal.type.__name__ == "Refusal"
    assert list_queries.popularity() is None


def test_a_file_of_too_many_bytes_is_refused_before_it_is_read(c: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ERSR_LIST_BYTES", 20)
    monkeypatch.setattr(lists, "POPULARITY_BYTES", 12)
    refused(lambda: add(c, "alphabet.biz", "zulu.biz"), "too_large", "21 bytes; at most 20 are taken")
    refused(lambda: popular(c, b"1,alpha.biz\n2,"), "too_large", "14 bytes; at most 12 are taken")
    assert not NameList.objects.exists()
    popular(c, b"1,alpha.biz\n")
    assert add(c, "alphabet.biz", "lu.biz")[1]
