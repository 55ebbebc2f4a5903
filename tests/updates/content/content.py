"""Strategies: entries, states and chains of releases, small enough that interesting things happen often."""

from hypothesis import strategies as st

from freehold.updates.content.entries import Entry

_HEX = st.binary(min_size=1, max_size=1)
_SIZES = st.sampled_from([b"*", b"0", b"7", b"68", b"4294967294", b"4294967295", b"007"])
_NAMES = st.sampled_from([b"", b"A", b"Win.X-1", b"Win.X-2:73", b"caf\xc3\xa9", b"\xff:\xfe", b"a b", b"with\rreturn."])


def _digest(byte: bytes, width: int) -> bytes:
    return (byte * width).hex().encode()


_HASHES = st.builds(
    lambda language, byte, width, size, name: Entry(language, b"%b:%b:%b" % (_digest(byte, width), size, name)),
    st.sampled_from(["hdb", "hsb", "fp"]),
    _HEX,
    st.sampled_from([16, 20, 32, 5]),
    _SIZES,
    _NAMES,
)
_SECTIONS = st.builds(
    lambda byte, width, size, name: Entry("mdb", b"%b:%b:%b" % (size, _digest(byte, width), name)),
    _HEX,
    st.sampled_from([16, 32]),
    _SIZES,
    _NAMES,
)
_LINES = st.builds(
    lambda language, name: Entry(language, b"x;" + name), st.sampled_from(["ldb", "ndb", "hdb", "ign2"]), _NAMES
)
_WHOLE = st.builds(
    Entry,
    st.sampled_from(["yar", "toml", "cat"]),
    st.binary(min_size=1, max_size=9),
)

ENTRIES = st.one_of(_HASHES, _SECTIONS, _LINES, _WHOLE)
STATES = st.frozensets(ENTRIES, max_size=12)
