"""Every report format, read back by something that is not its writer."""

import html.parser
import io
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.model.report import SEPARATOR, Detection, Problem, ProblemKind, Report, Verdict
from freehold.responses.report_html import ROWS_LISTED, HtmlReport
from freehold.responses.report_jsonl import JsonlReport
from freehold.responses.report_sarif import SarifReport
from freehold.responses.report_text import TextReport
from freehold.responses.summary import ReportWriter, Run, Summary

RUN = Run("1.2.3", ("/srv", "home"), ("core pack",), "locked down", 1_800_000_000.0)

INFECTED = Report(
    size=1000,
    file_type="zip",
    sha256="ab" * 32,
    artifacts=2,
    detections=[
        Detection(
            "Web.Shell", SEPARATOR.join(["a.zip", "b.php"]), 12, 5, "core/x.toml:3", "webshell", evidence=b"<?php"
        )
    ],
)
PROHIBITED = Report(
    size=5, file_type="pe", detections=[Detection("P", "p.exe", 7, 2, "p.toml:1", "", Verdict.PROHIBITED)]
)
INCOMPLETE = Report(size=10, problems=[Problem(ProblemKind.ENCRYPTED, "c.zip", "the entry is encrypted")])
CLEAN = Report(size=20, file_type="text")

HARMLESS = """
    html head meta title style body header h1 h2 h3 p strong main dl div dt dd section svg circle rect text ul ol li
    span article code pre table thead tbody tr th td br footer
"""

HOSTILE = '</style><script>alert("1")</script>&\x1b[31m\u202e\udcff'

texts = st.text(st.characters(exclude_categories=()), max_size=40)
reports = st.builds(
    Report,
    size=st.integers(0, 1 << 40),
    file_type=texts,
    detections=st.lists(
        st.builds(
            Detection,
            name=texts,
            artifact=texts,
            offset=st.integers(0, 1 << 40),
            length=st.integers(0, 1 << 40),
            source=texts,
            category=texts,
            verdict=st.sampled_from([Verdict.INFECTED, Verdict.SUSPICIOUS, Verdict.PROHIBITED]),
            evidence=st.binary(max_size=64),
            description=texts,
        ),
        max_size=3,
    ),
    problems=st.lists(st.builds(Problem, st.sampled_from(ProblemKind), texts, texts), max_size=3),
)
scans = st.lists(st.tuples(st.binary(min_size=1, max_size=30), reports), max_size=5)


def write(
    kind: type[JsonlReport | SarifReport | HtmlReport], files: list[tuple[bytes, Report]], **summary: object
) -> str:
    stream = io.StringIO()
    fill(kind(stream), files, **summary)
    return stream.getvalue()


def fill(writer: ReportWriter, files: list[tuple[bytes, Report]], **changes: object) -> None:
    summary = Summary(seconds=1.5, **changes)
    for path, report in files:
        summary.add(report)
        writer.file(path, report)
    writer.end(RUN, summary)


def text_lines(files: list[tuple[bytes, Report]], **changes: object) -> list[str]:
    lines: list[str] = []
    fill(TextReport(lines.append, quiet=False), files, **changes)
    return lines


FILES = [(b"/srv/a.zip", INFECTED), (b"home/p.exe", PROHIBITED), (b"/srv/c.zip", INCOMPLETE), (b"/srv/d", CLEAN)]


def test_jsonl_has_the_fields_of_the_contract() -> None:
    first, *_, last = (json.loads(line) for line in write(JsonlReport, FILES).splitlines())
    assert first == {
        "path": "/srv/a.zip",
        "verdict": "infected",
        "detections": [
            {
                "name": "Web.Shell",
                "artifact": "a.zip ▸ b.php",
                "offset": 12,
                "length": 5,
                "source": "core/x.toml:3",
                "category": "webshell",
                "verdict": "infected",
                "evidence": "3c3f706870",
                "description": "",
            }
        ],
        "problems": [],
        "type": "zip",
        "size": 1000,
        "sha256": "ab" * 32,
        "seconds": 0.0,
    }
    assert (last["verdict"], "sha256" in last) == ("clean", False)


@given(scans)
def test_jsonl_gives_every_path_and_every_detection_back(files: list[tuple[bytes, Report]]) -> None:
    written = write(JsonlReport, files)
    assert written.isascii()
    back = [json.loads(line) for line in written.splitlines()]
    assert [report["path"].encode("utf-8", "surrogateescape") for report in back] == [path for path, _ in files]
    assert [[d["name"] for d in report["detections"]] for report in back] == [
        [d.name for d in report.detections] for _, report in files
    ]


def test_sarif_tells_what_was_found_and_what_was_not_examined() -> None:
    log = json.loads(write(SarifReport, FILES))
    (run,) = log["runs"]
    found, prohibited, gap = run["results"]
    assert log["version"] == "2.1.0"
    assert [(r["ruleId"], r["kind"], r["level"]) for r in run["results"]] == [
        ("Web.Shell", "fail", "error"),
        ("P", "fail", "error"),
        ("freehold/not-examined/encrypted", "review", "none"),
    ]
    assert all(run["tool"]["driver"]["rules"][r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])
    assert found["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": "file:///srv/a.zip"}}
    assert found["properties"]["offset"] == 12
    place = prohibited["locations"][0]["physicalLocation"]
    assert place["region"] == {"byteOffset": 7, "byteLength": 2}
    assert place["artifactLocation"]["uri"] == "home/p.exe"
    assert place["artifactLocation"]["uriBaseId"] in run["originalUriBaseIds"]
    assert "encrypted" in gap["message"]["text"]
    assert run["invocations"][0]["startTimeUtc"] == "2027-01-15T08:00:00Z"


def test_sarif_of_nothing_is_whole() -> None:
    assert json.loads(write(SarifReport, []))["runs"][0]["results"] == []


@given(scans)
def test_sarif_keeps_the_rules_of_its_standard_whatever_files_are_called(files: list[tuple[bytes, Report]]) -> None:
    (run,) = json.loads(write(SarifReport, files))["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert len(run["results"]) == sum(len(r.detections) + len(r.problems) for _, r in files)
    for result in run["results"]:
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[A-Za-z0-9._~/%:-]+", uri)
        assert re.fullmatch(r"([^%]|%[0-9A-F]{2})*", uri)
        assert result["message"]["text"]


@pytest.mark.skipif(not os.environ.get("SARIF_SCHEMA"), reason="SARIF_SCHEMA does not name the standard's JSON schema")
def test_sarif_is_valid_against_the_schema_of_the_standard() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    hostile = Report(
        detections=[Detection(HOSTILE, HOSTILE, 0, 0, HOSTILE)], problems=[Problem(ProblemKind.LOOP, HOSTILE, "")]
    )
    schema = json.loads(Path(os.environ["SARIF_SCHEMA"]).read_text("utf-8"))
    jsonschema.validate(
        json.loads(write(SarifReport, [*FILES, (HOSTILE.encode("utf-8", "surrogateescape"), hostile)])), schema
    )


class Page(html.parser.HTMLParser):
    """Collects the elements, the attributes and the text of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self._pieces: list[str] = []
        self.open: list[str] = []
        self.feed(source)
        self.close()
        self.text = "".join(self._pieces)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in {"meta", "br", "link"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self._pieces.append(data)


def test_html_shows_findings_gaps_and_circumstances() -> None:
    page = Page(write(HtmlReport, FILES, left_out={"symbolic links": 3}))
    assert page.open == []
    for expected in (
        "2 files of 4 must be dealt with",
        "Web.Shell",
        "b.php",
        "3c 3f 70 68 70",
        "Prohibited",
        "webshell",
    ):
        assert expected in page.text
    for expected in (
        "Protected by a password",
        "the entry is encrypted",
        "core pack",
        "locked down",
        "1.2.3",
        "3 symbolic links",
    ):
        assert expected in page.text


def test_html_needs_nothing_from_anywhere_and_runs_nothing() -> None:
    page = Page(write(HtmlReport, FILES))
    assert {"script", "iframe", "object", "embed", "img", "link", "form", "base"}.isdisjoint(page.tags)
    assert all(
        not name.startswith("on") and name not in {"src", "href", "style", "srcset"} for name, _ in page.attributes
    )
    policy = dict(page.attributes)["content"]
    assert any(value and "default-src 'none'" in value for _, value in page.attributes), policy


@settings(max_examples=25, deadline=None)
@given(scans)
def test_html_lets_no_name_become_markup_and_shows_nothing_invisible(files: list[tuple[bytes, Report]]) -> None:
    source = write(HtmlReport, files)
    page = Page(source)
    assert page.open == []
    assert all(char.isprintable() or char in "\n\u2003" for char in source)
    assert set(page.tags) <= set(HARMLESS.split())


def test_html_escapes_what_files_and_signatures_are_called() -> None:
    hostile = Report(
        detections=[Detection(HOSTILE, SEPARATOR.join([HOSTILE] * 3), 0, 1, HOSTILE, HOSTILE, evidence=b"<b>")]
    )
    page = Page(write(HtmlReport, [(HOSTILE.encode("utf-8", "surrogateescape"), hostile)]))
    assert "script" not in page.tags
    assert "b" not in page.tags
    assert r"</style><script>alert(" in page.text


def test_html_stays_bounded_however_much_is_found() -> None:
    deep = Report(detections=[Detection("x" * 60_000, SEPARATOR.join(["y"] * 20_000), 0, 1, "s")])
    stream = io.StringIO()
    writer = HtmlReport(stream)
    summary = Summary()
    for number in range(ROWS_LISTED + 7):
        report = deep if number < 10 else INFECTED
        summary.add(report)
        writer.file(b"/f/%d" % number, report)
    writer.end(RUN, summary)
    assert "7 more files with detections are not listed here" in Page(stream.getvalue()).text
    assert len(stream.getvalue()) < ROWS_LISTED * 2_000


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")
def test_html_is_accepted_by_a_browser_with_its_style(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(write(HtmlReport, FILES), "utf-8", "backslashreplace")
    result = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-logging=stderr",
         f"--user-data-dir={tmp_path}/profile", f"--screenshot={tmp_path}/page.png", page.as_uri()],
        capture_output=True, timeout=100, check=True,
    )  # fmt: skip
    assert b"Content Security Policy" not in result.stderr
    assert (tmp_path / "page.png").stat().st_size > 10_000


def test_text_says_what_stands_in_the_way() -> None:
    lines = text_lines(FILES)
    assert lines[0] == "/srv/a.zip: INFECTED Web.Shell (in a.zip ▸ b.php at offset 12)"
    assert lines[1] == "home/p.exe: PROHIBITED P (at offset 7)"
    assert lines[2] == "/srv/c.zip: INCOMPLETE encrypted: the entry is encrypted"
    assert "4 files, 1.0 kB in 1.5 s (3 files/s, 690 B/s)" in lines
    assert "  Incomplete: 1 (1 encrypted)" in lines


def test_text_of_an_interrupted_scan_says_so() -> None:
    assert text_lines([], interrupted=True)[1].startswith("Interrupted: 0 files")


@given(scans)
def test_text_cannot_steer_a_terminal(files: list[tuple[bytes, Report]]) -> None:
    assert all(line.isprintable() for line in text_lines(files))


def test_text_bounds_the_problems_of_one_file() -> None:
    many = Report(problems=[Problem(ProblemKind.MALFORMED, "x", str(number)) for number in range(100)])
    assert len([line for line in text_lines([(b"x", many)]) if line.startswith("x: ")]) == 6


@pytest.mark.parametrize(
    ("files", "interrupted", "status"),
    [
        ([], False, 0),
        ([CLEAN], False, 0),
        ([CLEAN, INCOMPLETE], False, 2),
        ([INCOMPLETE, INFECTED], False, 1),
        ([INFECTED], True, 130),
    ],
)
def test_exit_status(files: list[Report], interrupted: bool, status: int) -> None:
    summary = Summary(interrupted=interrupted)
    for report in files:
        summary.add(report)
    assert summary.exit_status == status
