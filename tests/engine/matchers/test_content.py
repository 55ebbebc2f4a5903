"""Hashes and patterns find what is there, wherever the windows of a large file happen to end."""

import hashlib
import random
import re
import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freehold.bundle import Bundle
from freehold.engine.matchers import load
from freehold.engine.matchers.patterns import PIECE
from freehold.engine.matchers.verification import MOST_PLACES
from freehold.model.artifact import Artifact
from freehold.model.errors import LimitReached, TrustError
from freehold.model.limits import Budget, Limits
from freehold.model.view import RESIDENT, WINDOW, BytesView
from freehold.signatures.compile import build


class Windows(BytesView):
    """A view that comes in small windows, as a large file does in large ones."""

    step = 7

    def windows(self, overlap):
        data = memoryview(self.read(0, self.size))
        start = 0
        while True:
            end = min(start + overlap + self.step, len(data))
            yield start, data[start:end]
            if end == len(data):
                return
            start = end - overlap


def rule(name, regex, *, targets='["any"]', condition="any of them", extra=""):
    return (
        f'[[rule]]\nname = "{name}"\ntargets = {targets}\ncondition = "{condition}"\n{extra}\n'
        f"[rule.patterns]\n{regex}\n"
    )


def matchers_for(folder, text, suffix=".toml"):
    source = folder / f"rules{suffix}"
    source.write_text(text)
    result = build([source], folder / "db")
    assert result.rejected == ()
    return load([Bundle.open(folder / "db")])


def detections(matchers, view, file_type="data", limits=None):
    artifact = Artifact("x", view, file_type)
    budget = Budget(limits or Limits())
    return [detection for matcher in matchers for detection in matcher.match(artifact, budget)]


def digest(algorithm, data):
    return hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()


def names(*args, **kwargs):
    return {detection.name for detection in detections(*args, **kwargs)}


REGEXES = {
    "Literal": (rb"abcab", 0),
    "Nocase": (rb"cCb", re.IGNORECASE),
    "Gap": (rb"a.{0,3}cc", 0),
    "Start": (rb"^ab", 0),
    "End": (rb"cb$", 0),
    "EndLine": (rb"(?:^|\n)c", 0),
    "Word": (rb"\bcab\b", 0),
    "NoWord": (rb"a\Bb", 0),
    "Class": (rb"[ab]{3}\n", 0),
}


@pytest.fixture(scope="module")
def regex_matchers(tmp_path_factory):
    rules = [
        rule(name, f"a = {{ regex = '{regex.decode()}'{', nocase = true' if flags else ''} }}")
        for name, (regex, flags) in REGEXES.items()
    ]
    return matchers_for(tmp_path_factory.mktemp("regexes"), "".join(rules))


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text("abcC \n", max_size=90), st.integers(1, 20))
def test_windows_change_nothing_and_python_agrees(regex_matchers, text, step):
    data = text.encode()
    windows = Windows(data)
    windows.step = step
    expected = {name for name, (regex, flags) in REGEXES.items() if re.search(regex, data, flags | re.DOTALL)}
    assert names(regex_matchers, BytesView(data)) == expected
    assert names(regex_matchers, windows) == expected


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(-12, 12), st.sampled_from(["abcab", "ccb", "a.cc", "\nc", "ab\n"])),
        max_size=9,
    ),
    st.integers(0, 9 * PIECE),
)
def test_the_first_of_many_places_is_found_and_python_agrees(regex_matchers, places, size):
    data = bytearray(b"x" * size)
    for piece, shift, text in places:
        at = min(max(piece * PIECE + shift, 0), size)
        data[at : at + len(text)] = text.encode()
    expected = {
        name: match.span()
        for name, (regex, flags) in REGEXES.items()
        if (match := re.search(regex, data, flags | re.DOTALL))
    }
    found = detections(regex_matchers, BytesView(bytes(data)))
    assert {d.name: (d.offset, d.offset + d.length) for d in found} == expected


def test_what_occurs_everywhere_is_still_found_at_its_end(tmp_path):
    matchers = matchers_for(tmp_path, rule("Rare", "a = { regex = 'often[0-9]' }"))
    often = b"often" + bytes(2 * PIECE + 4000)
    data = often * (MOST_PLACES + 9)
    assert names(matchers, BytesView(data)) == set()
    (found,) = detections(matchers, BytesView(data + b"often7" + bytes(3 * PIECE)))
    assert (found.offset, found.evidence) == (len(data), b"often7")


def test_evidence_is_what_matched(regex_matchers):
    for name, (regex, flags) in REGEXES.items():
        data = b"__" + {"Start": b"", "End": b""}.get(name, b"_ ") + b"x"
        data = {"Start": b"ab__", "End": b"__cb"}.get(name, data.replace(b"x", b"abcab a__cc xccb \nc cab aab\n"))
        (found,) = [d for d in detections(regex_matchers, BytesView(data)) if d.name == name]
        match = re.search(regex, data, flags | re.DOTALL)
        assert (found.offset, found.length, found.evidence) == (match.start(), len(match[0]), match[0])
        assert found.source.startswith("rules.toml:")


@pytest.mark.parametrize("boundary", [PIECE, 3 * PIECE + 2050, WINDOW, WINDOW + 2050, 2 * WINDOW, RESIDENT])
def test_a_real_large_view_loses_nothing_at_its_boundaries(tmp_path, boundary):
    matchers = matchers_for(tmp_path, rule("Long", "a = { regex = 'begin.{0,2000}end' }"))
    size = RESIDENT + 3 * WINDOW
    needle = b"begin" + b"." * 1500 + b"end"
    for shift in range(-1600, 100, 97):
        data = bytearray(size)
        data[boundary + shift : boundary + shift + len(needle)] = needle
        (found,) = detections(matchers, BytesView(bytes(data)))
        assert (found.offset, found.length) == (boundary + shift, len(needle))


def test_conditions_targets_and_sizes(tmp_path):
    matchers = matchers_for(
        tmp_path,
        rule("Both", 'a = { text = "one" }\nb = { text = "two" }', condition="all of them")
        + rule("Not", 'a = { text = "one" }\nb = { text = "two" }', condition="a and not b")
        + rule("Text", 'a = { text = "one" }', targets='["text", "html"]')
        + rule("Small", 'a = { text = "one" }', extra="maximum_size = 10")
        + rule("Wide", 'a = { text = "one", wide = true, nocase = true }')
        + rule("Full", 'a = { text = "one", fullword = true }'),
    )
    assert names(matchers, BytesView(b"one")) == {"Not", "Small", "Wide", "Full"}
    assert names(matchers, BytesView(b"one"), "text") == {"Not", "Small", "Wide", "Full", "Text"}
    assert names(matchers, BytesView(b"one two one")) == {"Both", "Wide", "Full"}
    assert names(matchers, BytesView("xOnex".encode("utf-16-le"))) == {"Wide"}
    assert names(matchers, BytesView(b"stone")) == {"Not", "Small", "Wide"}
    assert names(matchers, BytesView(b"")) == set()


def test_content_that_makes_a_pattern_slow_ends_with_the_budget(tmp_path):
    matchers = matchers_for(tmp_path, rule("Slow", "a = { regex = 'x[^\\n]{0,2000}needle' }"))
    with pytest.raises(LimitReached):
        detections(matchers, BytesView((b"x" * 25_000 + b"\nneedle") * 360), limits=Limits(seconds=0.2))


def test_content_that_exhausts_one_pattern_leaves_the_others(tmp_path):
    slow = rule("Slow", "a = { regex = '(?:a?){40}(?:a{0,40}){40}b.needle' }")
    matchers = matchers_for(tmp_path, slow + rule("Other", 'a = { text = "needle" }'))
    artifact = Artifact("x", BytesView(b"a" * 3000 + b"bneedle"))
    found = matchers[0].match(artifact, Budget(Limits()))
    assert next(found).name == "Other"
    with pytest.raises(LimitReached, match="regex_steps"):
        next(found)


def test_hashes_are_computed_only_for_sizes_that_a_table_has(tmp_path):
    data = b"some content"
    lines = f"{digest('md5', data)}:{len(data)}:Test.Md5\n{digest('sha256', data)}:99:Test.Other\n"
    matchers = matchers_for(tmp_path, lines, ".hsb")
    artifact = Artifact("x", BytesView(data))
    (found,) = list(matchers[0].match(artifact, Budget(Limits())))
    assert (found.name, found.source, found.offset, found.length) == ("Test.Md5", "rules.hsb:1", 0, len(data))
    assert artifact.digests == {"md5": digest("md5", data)}
    other = Artifact("y", BytesView(data + b"."))
    assert list(matchers[0].match(other, Budget(Limits()))) == []
    assert other.digests == {}


def test_large_content_is_hashed_in_windows(tmp_path):
    data = random.Random(1).randbytes(9000)
    matchers = matchers_for(
        tmp_path,
        f"{digest('sha1', data)}:*:Test.Sha1:73\n{digest('md5', data)}:9000:Test.Md5\n",
        ".hsb",
    )
    assert names(matchers, Windows(data)) == {"Test.Sha1", "Test.Md5"}


def test_a_database_for_another_cpu_or_library_is_refused(tmp_path):
    matchers_for(tmp_path, rule("R", 'a = { text = "one" }'))
    bundle = Bundle.open(tmp_path / "db")
    path = tmp_path / "db" / "base" / "root.any.hs"
    for position in (4, 12, 40):
        data = path.read_bytes()
        path.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        with pytest.raises(TrustError, match="damaged"):
            load([bundle])
        path.write_bytes(data)
    load([bundle])


@pytest.mark.skipif(shutil.which("clamscan") is None, reason="needs clamscan (Debian: clamav)")
def test_the_same_verdicts_as_clamscan(tmp_path):
    choose = random.Random(5)
    files = tmp_path / "files"
    files.mkdir()
    lines = []
    for number in range(60):
        data = choose.randbytes(choose.randrange(6, 3000))
        (files / f"f{number}").write_bytes(data)
        algorithm = choose.choice(["md5", "sha1", "sha256"])
        hexadecimal = digest(algorithm, data)
        size = choose.choice([str(len(data)), str(len(data) + 1), "*", str(len(data))])
        level = ":73" if size == "*" else choose.choice(["", ":73", ":1:255", ":217", ":1:100"])
        lines.append((algorithm, f"{hexadecimal}:{size}:Test.File.N{number}{level}"))
    database = tmp_path / "database"
    database.mkdir()
    (database / "a.hdb").write_text("".join(f"{line}\n" for algorithm, line in lines if algorithm == "md5"))
    (database / "a.hsb").write_text("".join(f"{line}\n" for algorithm, line in lines if algorithm != "md5"))
    command = ["clamscan", "--disable-cache", "--allmatch", "--no-summary", "-d", database, "-r", files]
    output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    theirs = set(re.findall(r"/(f\d+): (\S+)\.UNOFFICIAL FOUND", output))
    build([database], tmp_path / "db")
    matchers = load([Bundle.open(tmp_path / "db")])
    ours = {(p.name, name) for p in files.iterdir() for name in names(matchers, BytesView(p.read_bytes()))}
    assert ours == theirs
    assert len(theirs) > 10
