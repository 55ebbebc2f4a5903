"""YARA rules give what YARA-X gives by itself."""

import pytest
import yara_x
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freehold.bundle import Bundle
from freehold.engine.matchers import load
from freehold.model.artifact import Artifact
from freehold.model.errors import LimitReached
from freehold.model.limits import Budget, Limits
from freehold.model.view import BytesView
from freehold.signatures.compile import build

RULES = """
rule text { meta: description = "a text" strings: $a = "abc" condition: $a }
rule regex { strings: $a = /a[bc]{2,3}c/ condition: $a }
rule counted { strings: $a = "a" condition: #a > 3 and filesize < 20 }
rule placed { strings: $a = "b" condition: $a at 2 }
private rule hidden { strings: $a = "c" condition: $a }
rule uses_hidden { strings: $a = "b" condition: hidden and not $a }
rule nothing { condition: filesize == 0 }
"""


@pytest.fixture(scope="module")
def matchers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("yara")
    (folder / "r.yar").write_text(RULES)
    assert build([folder / "r.yar"], folder / "db").rejected == ()
    return load([Bundle.open(folder / "db")])


def detections(matchers, data, limits=None):
    artifact = Artifact("x", BytesView(data))
    budget = Budget(limits or Limits())
    return [detection for matcher in matchers for detection in matcher.match(artifact, budget)]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text("abc", max_size=25).map(str.encode))
def test_same_as_yara_x(matchers, data):
    alone = yara_x.Scanner(yara_x.compile(RULES)).scan(data).matching_rules
    assert {d.name for d in detections(matchers, data)} == {rule.identifier for rule in alone}


def test_evidence(matchers):
    (found,) = [d for d in detections(matchers, b"__abc_") if d.name == "text"]
    assert (found.offset, found.length, found.evidence) == (2, 3, b"abc")
    assert (found.source, found.description) == ("r.yar:2", "a text")


def test_what_is_too_large_is_not_looked_at_in_part(matchers):
    with pytest.raises(LimitReached, match="whole_bytes"):
        detections(matchers, b"abc" * 10, Limits(whole_bytes=29))
    assert detections(matchers, b"abc" * 10, Limits(whole_bytes=30))


def test_one_bad_source_does_not_spoil_the_others(tmp_path):
    (tmp_path / "a.yar").write_text("rule broken { condition: \n rule")
    (tmp_path / "b.yar").write_text(
        'include "a.yar"\nrule one { strings: $a = "abc" condition: $a }\nrule two { condition: x }'
    )
    result = build([tmp_path / "a.yar", tmp_path / "b.yar"], tmp_path / "db")
    assert {(r.source, r.line) for r in result.rejected} == {("a.yar", 2), ("b.yar", 1), ("b.yar", 3)}
    assert [d.name for d in detections(load([Bundle.open(tmp_path / "db")]), b"abc")] == ["one"]
