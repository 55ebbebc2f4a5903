"""Pickles that Python's own library writes; what they would do when loaded is told, and never done."""

import collections
import datetime as dt
import os
import pickle
import pickletools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formats.driver import open_one

from freehold.engine.identify import identify
from freehold.formats.pickled import risky
from freehold.model.limits import Limits
from freehold.model.view import BytesView


class Call:
    def __init__(self, function, *arguments):
        self.how = function, arguments

    def __reduce__(self):
        return self.how


def facts(data: bytes) -> dict[str, str | float]:
    return open_one("pickle", data).collector.facts


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("function", [os.system, eval, getattr])
def test_a_call_is_told_and_not_made(protocol, function, tmp_path):
    data = pickle.dumps([Call(function, f"touch {tmp_path}/made")], protocol)
    told = facts(data)
    assert told["risky"].rpartition(".")[2] == function.__name__
    assert told["calls"] == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("protocol", range(2, 6))
def test_names_that_come_from_memory_are_told(protocol):
    content = [dt.date(2020, 1, 2), collections.OrderedDict(date=1), dt.timedelta(3), dt.date]
    data = pickle.dumps(content, protocol)
    told = facts(pickletools.optimize(data))
    names = {"datetime.date", "datetime.timedelta", "collections.OrderedDict"}
    assert names <= set(facts(data)["names"].split(", ")) & set(told["names"].split(", "))
    assert "risky" not in told


@pytest.mark.parametrize("protocol", [4, 5])
def test_pickles_are_known_by_their_bytes(protocol):
    for content in ({"a": 1}, [1, 2], dt.date(2020, 1, 2), "text"):
        data = pickle.dumps(content, protocol)
        if data[2:3] == b"\x95":
            assert identify(BytesView(data)) == "pickle"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("posix.system", True),
        ("builtins.exec", True),
        ("builtins.set", False),
        ("importlib.machinery.SourceFileLoader", True),
        ("numpy.core.multiarray._reconstruct", False),
        ("osgeo.ogr.Open", False),
    ],
)
def test_what_is_risky(name, expected):
    assert risky(name) is expected


@given(st.binary(max_size=200), st.integers(0, 60))
def test_damage_is_a_fact(damage, at):
    data = pickle.dumps([Call(os.system, "x"), dt.date(2020, 1, 2)], 4)
    opened = open_one("pickle", data[:at] + damage, Limits(seconds=20))
    assert opened.members == []
    assert opened.collector.problems == []
