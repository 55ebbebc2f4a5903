"""Looking for several literals at once finds what looking for each alone finds, and nobody can make it slow."""

from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.formats.literals import LiteralSearch

LITERALS = st.lists(st.tuples(st.text("aAb\0", min_size=1, max_size=4), st.booleans()), min_size=1, max_size=20)


def alone(literal, nocase, data):
    """Where it starts, found the slow way."""
    if nocase:
        literal, data = literal.lower(), data.lower()
    return [at for at in range(len(data)) if data.startswith(literal, at)]


@settings(max_examples=200)
@given(LITERALS, st.text("aAb\0", max_size=60))
def test_each_literal_is_found_wherever_it_is(literals, text):
    chosen = [(literal.encode(), nocase) for literal, nocase in literals]
    found, given_up = LiteralSearch(chosen).places(text.encode(), 100)
    assert found == [alone(literal, nocase, text.encode()) for literal, nocase in chosen]
    assert not given_up


def test_one_that_occurs_too_often_is_given_up_and_the_others_are_not():
    search = LiteralSearch([(b"MZ", False), (b"Rar!", False), (b"PK", True)])
    found, given_up = search.places(b"MZ" * 1000 + b"Rar!pk", 10)
    assert given_up == {0}
    assert found[0] == list(range(0, 22, 2))
    assert found[1:] == [[2000], [2004]]
    found, given_up = search.places(b"MZRar!", 10, given_up)
    assert found == [[], [2], []]
