"""A list as a file: the same names give the same bytes, and others can read it."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys

import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ersr.core.errors import Refusal
from ersr.names.canonical import digest
from ersr.names.listfile import names_txt, read, without, write
from ersr.names.match import present
from tests.names import generator

NAMES = generator.generated()
some_names = st.lists(st.sampled_from(NAMES[:50]), unique=True)


@settings(max_examples=30)
@given(some_names)
def test_names_and_back(names: list[str]):
    """Sorted and unique, whatever came in."""
    assert read(write(names)) == sorted(names)
    assert write(names) == write(reversed([*names, *names]))


def test_the_same_names_give_the_same_bytes_in_another_process():
    program = (
        "import hashlib; from ersr.names.listfile import write; from tests.names.generator import generated;"
        "print(hashlib.sha256(write(generated())).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    assert other == hashlib.sha256(write(NAMES)).hexdigest()


@pytest.mark.oracle
def test_polars_own_scan_reads_it():
    """One column of text, every name there, counted by a query that knows nothing of us."""
    frame = polars.scan_parquet(io.BytesIO(write(NAMES))).select(polars.len(), polars.col("name").n_unique().alias("n"))
    assert frame.collect().row(0) == (7750, 7750)


def test_the_text_for_people_has_the_lists_digest():
    assert hashlib.sha256(names_txt(NAMES)).hexdigest() == digest(NAMES)
    assert names_txt(["b.com", "a.com", "b.com"]) == b"a.com\nb.com\n"
    assert names_txt([]) == b""


@pytest.mark.parametrize("data", [b"", b"no parquet", write(NAMES)[:-7]])
def test_a_damaged_file_is_refused(data: bytes):
    with pytest.raises(Refusal) as refused:
        read(data)
    assert refused.value.code == "damaged"


@pytest.mark.parametrize(
    "frame",
    [
        polars.DataFrame({"other": ["a.com"]}),
        polars.DataFrame({"name": [1]}),
        polars.DataFrame({"name": ["b.com", "a.com"]}),
        polars.DataFrame({"name": ["a.com", "a.com"]}),
        polars.DataFrame({"name": ["a.com", None]}),
    ],
)
def test_parquet_that_is_no_list_of_ours_is_refused(frame: polars.DataFrame):
    out = io.BytesIO()
    frame.write_parquet(out)
    with pytest.raises(Refusal, match="A stored name list"):
        read(out.getvalue())


def test_names_are_taken_out_and_only_names_that_are_there():
    filed = sorted(generator.filed())
    assert without(filed, generator.LEGITIMATE) == sorted(NAMES)
    with pytest.raises(Refusal, match=r"jogli\.com is not on this list"):
        without(NAMES, generator.LEGITIMATE)


@given(some_names, st.sampled_from(NAMES[:60]))
def test_a_name_is_present_if_it_is_on_the_list(names: list[str], name: str):
    assert present(sorted(names), name) == (name in names)


def test_presence_is_exact():
    assert not present(["example.com"], "example.co")
    assert not present(["example.com"], "www.example.com")
    assert not present([], "example.com")


def test_the_generator_is_the_same_each_time():
    assert generator.generated() == NAMES
    assert len(set(generator.filed())) == 7754
    assert set(generator.filed()) - set(NAMES) == set(generator.LEGITIMATE)
    assert generator.generated(10, seed=1) != generator.generated(10, seed=2)
