"""Verdicts follow from detections and problems; reports survive the wire and refuse what is not one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.model.errors import MalformedInput
from freehold.model.report import Detection, Node, Problem, ProblemKind, Report, Verdict

TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from("\udc80\udcff"), max_size=30)
COUNT = st.integers(min_value=0, max_value=(1 << 63) - 1)
DETECTIONS = st.builds(
    Detection,
    TEXT,
    TEXT,
    COUNT,
    COUNT,
    TEXT,
    TEXT,
    st.sampled_from([Verdict.INFECTED, Verdict.SUSPICIOUS, Verdict.PROHIBITED]),
    st.binary(max_size=64),
    TEXT,
)
PROBLEMS = st.builds(Problem, st.sampled_from(ProblemKind), TEXT, TEXT)
NODES = st.builds(
    Node, TEXT, COUNT, TEXT, COUNT, st.dictionaries(TEXT, TEXT | st.booleans() | COUNT), st.just({"match": 0.25})
)
REPORTS = st.builds(
    Report,
    COUNT,
    TEXT,
    detections=st.lists(DETECTIONS, max_size=3),
    problems=st.lists(PROBLEMS, max_size=3),
    sha256=TEXT,
    seconds=st.sampled_from([0.0, 0.5, 12.25]),
    artifacts=COUNT,
    nodes=st.lists(NODES, max_size=3),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.sampled_from("ztshndpa"), inner),
    max_leaves=12,
)


@given(REPORTS)
def test_a_report_survives_the_wire(report):
    assert Report.from_wire(json.loads(json.dumps(report.to_wire()))) == report


@given(JSON)
def test_anything_else_is_refused_with_one_error(wire):
    try:
        report = Report.from_wire(wire)
    except MalformedInput:
        return
    assert report.to_wire()


def test_a_detection_cannot_call_a_file_clean():
    wire = Report(detections=[Detection("n", "a", 0, 1, "s")]).to_wire()
    wire["d"][0][6] = "clean"
    with pytest.raises(MalformedInput):
        Report.from_wire(wire)


@pytest.mark.parametrize(
    ("found", "problem", "verdict"),
    [
        ([], False, Verdict.CLEAN),
        ([], True, Verdict.INCOMPLETE),
        ([Verdict.PROHIBITED], True, Verdict.PROHIBITED),
        ([Verdict.PROHIBITED, Verdict.SUSPICIOUS], False, Verdict.SUSPICIOUS),
        ([Verdict.SUSPICIOUS, Verdict.INFECTED], True, Verdict.INFECTED),
    ],
)
def test_the_worst_detection_decides_and_a_problem_is_never_clean(found, problem, verdict):
    report = Report(
        detections=[Detection("n", "a", 0, 1, "s", verdict=v) for v in found],
        problems=[Problem(ProblemKind.ENCRYPTED, "a", "d")] if problem else [],
    )
    assert report.verdict is verdict
