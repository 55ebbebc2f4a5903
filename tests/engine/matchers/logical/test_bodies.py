"""The quick search for bodies finds what the slow reference finds, in memory and window by window."""

import os
import random
import tempfile

import pytest
from hypothesis import given, settings
from tests.differential.reference import body_count
from tests.engine.matchers.logical.strategies import BODY_MATCHES, DATA, LANDMARKS

from freehold.engine.matchers.logical import text as text_module
from freehold.engine.matchers.logical.bodies import BodySearch
from freehold.engine.matchers.logical.text import Text
from freehold.model import view as view_module
from freehold.model.body import ANYWHERE, Body, Bytes, Gap, Part
from freehold.model.errors import LimitReached
from freehold.model.limits import Budget, Limits
from freehold.model.logical import BodyMatch
from freehold.model.view import BytesView, FileView


def budget():
    return Budget(Limits())


@settings(max_examples=600)
@given(BODY_MATCHES, DATA, LANDMARKS)
def test_counts_and_starts_are_those_of_the_reference(match, data, landmarks):
    expected = body_count(match, data, landmarks)
    assert BodySearch(match).count(Text(BytesView(data)), lambda: landmarks, budget()) == expected


@settings(max_examples=300)
@given(BODY_MATCHES, DATA, LANDMARKS)
def test_windows_and_near_reads_change_nothing(match, data, landmarks):
    expected = body_count(match, data, landmarks)
    usual = view_module.RESIDENT, view_module.WINDOW, text_module.RESIDENT, text_module._NEAR
    view_module.RESIDENT, view_module.WINDOW, text_module.RESIDENT, text_module._NEAR = 4, 5, 4, 7
    try:
        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.flush()
            text = Text(FileView(file.fileno(), 0, len(data)))
            assert BodySearch(match).count(text, lambda: landmarks, budget()) == expected
    finally:
        view_module.RESIDENT, view_module.WINDOW, text_module.RESIDENT, text_module._NEAR = usual


@given(BODY_MATCHES, DATA, LANDMARKS)
def test_enough_is_enough(match, data, landmarks):
    expected = body_count(match, data, landmarks)[0]
    found = BodySearch(match).count(Text(BytesView(data)), lambda: landmarks, budget(), 2)[0]
    assert found == expected or 2 <= found <= expected


def literal(*values, gap=None):
    parts = tuple(Part((Bytes(value),)) for value in values)
    return BodyMatch((Body(parts, tuple(gap for _ in values[1:])),), ANYWHERE)


def test_a_large_file_is_searched_whole():
    data = bytearray(random.Random(2).randbytes(6 << 20))
    data[5 << 20 : (5 << 20) + 9] = b"tail-part"
    data[100:109] = b"head-part"
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        text = Text(FileView(file.fileno(), 0, len(data)))
        search = BodySearch(literal(b"head-part", b"tail-part", gap=Gap(0, None)))
        assert search.count(text, lambda: None, budget()) == (1, [100])


def test_more_places_than_anybody_needs_end_the_search():
    text = Text(BytesView(b"aa" * (1 << 18)))
    with pytest.raises(LimitReached, match="occurrences"):
        BodySearch(literal(b"aa")).count(text, lambda: None, budget())
    assert BodySearch(literal(b"aa")).count(text, lambda: None, budget(), 1)[0] == 1


def test_the_clock_is_looked_at():
    text = Text(BytesView(os.urandom(16) + b"ab" * (1 << 16)))
    with pytest.raises(LimitReached, match="seconds"):
        BodySearch(literal(b"ab", b"zz", gap=Gap())).count(text, lambda: None, Budget(Limits(seconds=-1)))
