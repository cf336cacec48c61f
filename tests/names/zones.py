"""Zones and lists that hypothesis makes: as CZDS delivers them, and then every way in which they may differ."""

from __future__ import annotations

from hypothesis import strategies as st

#: Prefixes of each other, hyphens that sort before the dot, a label that looks like a type, one like a TTL.
LABELS = (
    "a",
    "a-b",
    "ab",
    "ab-0",
    "abc",
    "abcdefghijklm",
    "abcdefghijklmn",
    "ns",
    "in",
    "3600",
    "xn--bcher-kva",
    "z9",
    "z-9-z",
)
HOSTS = ("ns1.sink.net.", "ns2.sink.net.", "ns1.a.com.", "NS1.Other.ORG.", "ns.in.com.")
_HEX = "0123456789ABCDEF" * 4


def _cased(text: str) -> st.SearchStrategy[str]:
    return st.sampled_from((text, text, text, text.upper(), text.title()))


owners = st.one_of(
    st.sampled_from(LABELS).map(lambda label: f"{label}.com."),
    st.sampled_from(LABELS).map(lambda label: f"ns1.{label}.com."),
    st.sampled_from(
        ("com.", "a.net.", "ab.com.com.", "com.a.", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.com.", "*.a.com.", "a.comm.")
    ),
)
hosts = st.sampled_from(HOSTS)
data = st.one_of(
    hosts.map(lambda host: ("ns", host)),
    hosts.map(lambda host: ("ns", host)),
    hosts.map(lambda host: ("ns", host)),
    st.sampled_from((
        ("a", "192.0.2.1"), ("aaaa", "2001:db8::1"), ("ds", f"1 13 2 {_HEX}"), ("rrsig", "NS 13 1 86400 20261201000000 1 1 com. aNs/In=="),
        ("nsec3", "1 1 0 - ABCDEF NS DS RRSIG"), ("soa", "a.b. c.d. 1 2 3 4 5"), ("dname", "ns."), ("cname", "ns1.sink.net."),
    )),
)  # fmt: skip


@st.composite
def clean_lines(draw: st.DrawFn) -> bytes:
    """A record with its five fields, in whatever case; now and then more than one for one owner."""
    owner = draw(owners.flatmap(_cased))
    ttl = draw(st.sampled_from(("172800", "3600", "1h30m")))
    lines = []
    for kind, text in draw(st.lists(data, min_size=1, max_size=3)):
        lines.append("\t".join((owner, ttl, draw(_cased("in")), draw(_cased(kind)), text)))
    return "\n".join(lines).encode()


_blank = st.sampled_from(("\t", " ", "\t\t", "  ", " \t"))
_odd_owner = st.one_of(
    owners.flatmap(_cased), owners.flatmap(_cased), st.sampled_from(("@", "a", "ab", "\\097.com.", "\\a\\b.com.", "a\\.com.", "a\\", "ns1", "a.com", "*", '"a.com."')),
)  # fmt: skip
_extras = st.sampled_from((
    b"", b"\r", b"   ", b"; a remark", b";a.com.\t1\tin\tns\tx.", b"; ( \"", b"$TTL 3600", b"$ttl\t1h", b"$ORIGIN net.", b"$ORIGIN com.", b"$origin a", b"a.com.", b"a.com.\t",
    b"a.com.\t172800\tin\tns", b"a.com. ns ns1.sink.net. ;\tin\tx", b"com. 900 in soa a. b. ( 1 ; serial", b" 2 3", b")", b"ab.com. in ns ( ns1.sink.net. )",
    b"ab.com. (\n 3600 in ns\n ns2.sink.net. )", b'com. in txt "a ; b ( c" "d"', b'com. txt "open', b"\tin\tns\tns1.sink.net.", b"  ns ns2.sink.net.", b"\xc3\xa9.com.\t1\tin\tns\tx.",
    b"a.com.\x0b1\tin\tns\tns1.sink.net.", b"a.com.\r1\tin\tns\tns1.sink.net.", b"ab.com.\t1\tch\tns\tns1.sink.net.", b"abc.com.\t1\tns\tns1.sink.net.", b"abc.com.\tin\t1\tns\tns1.sink.net.",
    b"abc.com.\tns\tns1.sink.net.;x", b"a.com.\t1\tin\tns\tns1.sink.net.\t; x", b"a.com.\t1\tin\tns\tns1.sink.net.\tmore\tfields\there", b"\xef\xbb\xbfa.com.\t1\tin\tns\tns1.sink.net.",
))  # fmt: skip


@st.composite
def odd_lines(draw: st.DrawFn) -> bytes:
    """A record whose fields are divided, left out or spelt in every way that a master file permits."""
    kind, text = draw(data)
    middle = draw(st.sampled_from((("1", "in"), ("in", "1"), ("in",), ("1d",), (), ("IN", "1"))))
    words = [draw(_odd_owner), *middle, draw(_cased(kind)), text]
    line = "".join(word + draw(_blank) for word in words[:-1]) + words[-1]
    return (line + draw(st.sampled_from(("", "", "\r", "\t", " ; x", ";x")))).encode()


clean_zones = st.lists(clean_lines(), max_size=30).map(
    lambda lines: b"com.\t1\tin\tsoa\ta. b. 1 2 3 4 5\n" + b"\n".join(lines) + b"\n"
)
nearly_clean_zones = st.tuples(
    clean_zones, st.lists(st.sampled_from((b"", b"; remark", b"a.com. 1 in ns ns1.sink.net."))), clean_zones
).map(lambda parts: parts[0] + b"\n".join(parts[1]) + b"\n" + parts[2])
odd_zones = st.lists(st.one_of(clean_lines(), odd_lines(), _extras), max_size=25).map(
    lambda lines: b"com.\t1\tin\tsoa\ta. b. 1 2 3 4 5\n" + b"\n".join(lines)
)
zones = st.one_of(clean_zones, nearly_clean_zones, odd_zones)
slices = st.sets(st.sampled_from((*LABELS, "q", "abcdefghijklmno", "a--b"))).map(
    lambda labels: sorted(f"{label}.com" for label in labels)
)
