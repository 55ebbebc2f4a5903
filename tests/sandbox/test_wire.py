"""What a worker may say, and what it may not."""

import contextlib
import os
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.model.errors import MalformedInput
from freehold.model.limits import Limits
from freehold.model.report import Detection, Node, Problem, ProblemKind, Report
from freehold.sandbox.examination import answer
from freehold.sandbox.host import Answered, Job, Ready, Worker
from freehold.sandbox.wire import Lines, Setup, decode, encode

SETUP = Setup((), Limits())


class Listener(Worker):
    """The host's ear alone."""

    def accepts(self, in_flight: int) -> bool:
        return True

    def submit(self, job: Job) -> None:
        raise NotImplementedError

    def flush(self) -> None:
        raise NotImplementedError


@given(st.lists(st.binary(max_size=50).map(lambda b: b.replace(b"\n", b""))), st.lists(st.integers(0, 500)))
def test_lines_do_not_depend_on_how_they_are_cut(lines: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    reader = Lines(50)
    got = [line for a, b in pairwise(edges) for line in reader.feed(stream[a:b])]
    assert got == lines


@given(st.integers(1, 100), st.integers(1, 30))
def test_an_endless_line_is_refused_before_it_is_kept(limit: int, step: int) -> None:
    reader = Lines(limit)
    for _ in range(limit // step):
        assert reader.feed(b"x" * step) == []
    with pytest.raises(MalformedInput):
        reader.feed(b"x" * (limit % step + 1))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.sampled_from("nztshdpa") | st.text(), inner),
    max_leaves=30,
)
WIRE = st.fixed_dictionaries(
    {"n": st.integers(), "z": st.integers(), "t": st.text(), "s": st.floats(allow_nan=False, allow_infinity=False)},
    optional={"h": JSON, "d": JSON, "p": JSON, "a": JSON},
)


@given(st.lists(JSON, min_size=1) | st.tuples(st.integers(), WIRE).map(list))
def test_whatever_a_worker_says_is_an_event_or_refused(message: list[object]) -> None:
    try:
        events = list(Listener(1, -1, SETUP).hear(encode(message)))
    except MalformedInput:
        return
    assert all(isinstance(event, Answered | Ready) for event in events)


@given(st.binary())
def test_any_bytes_are_a_message_or_refused(line: bytes) -> None:
    with contextlib.suppress(MalformedInput):
        assert decode(line)


@pytest.mark.parametrize(
    "line", [b"[" * 100_000, b"[NaN]", b"[1e999999]" * 2, b"[" + b"9" * 5000 + b"]", b"{}", b"[]", b""]
)
def test_awkward_json_is_refused(line: bytes) -> None:
    with pytest.raises(MalformedInput):
        decode(line)


def test_a_report_arrives_as_it_was_sent() -> None:
    name = os.fsdecode(b"caf\xe9 \n \x1b[2J")
    report = Report(
        7,
        "zip",
        detections=[Detection("X", name, 1, 2, "a:1")],
        problems=[Problem(ProblemKind.LIMIT, name, "d")],
    )
    [event] = Listener(1, -1, SETUP).hear(answer(12, report, SETUP.answer))
    assert isinstance(event, Answered)
    assert (event.number, event.report) == (12, report)


@given(st.integers(0, 400), st.integers(0, 400), st.integers(0, 400))
def test_a_report_that_is_too_long_is_cut_and_says_so(nodes: int, detections: int, problems: int) -> None:
    name = "n" * 200
    report = Report(
        1,
        "zip",
        detections=[Detection(name, name, 0, 0, name) for _ in range(detections)],
        problems=[Problem(ProblemKind.LIMIT, name, name) for _ in range(problems)],
        nodes=[Node(name, 1, "zip", 1, {}, {}) for _ in range(nodes)],
    )
    limit = 100_000
    line = answer(1, report, limit)
    assert len(line) <= limit
    number, wire = decode(line[:-1])
    received = Report.from_wire(wire)
    assert number == 1
    assert bool(received.detections) == bool(detections)
    whole = (len(received.nodes), len(received.detections), len(received.problems)) == (nodes, detections, problems)
    assert whole or received.problems[-1].detail == "the report was too long and has been cut"
