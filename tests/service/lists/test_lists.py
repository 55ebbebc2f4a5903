"""What the lists allow and deny, and how they are kept."""

import hashlib
import os
import tomllib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.model.errors import UsageError
from freehold.model.limits import Limits
from freehold.model.report import Detection, Report, Verdict
from freehold.service.entry import Finished
from freehold.service.lists import reading, writing
from freehold.service.lists.entry import ALLOW, DENY, Entry
from freehold.service.lists.holes import hole
from freehold.service.lists.judging import Lists

TODAY = date(2027, 1, 1)


def entry(kind: str = ALLOW, **fields: object) -> Entry:
    values: dict[str, object] = {"sha256": "", "size": None, "signature": "", "path": "", "reason": "a reason"}
    return Entry(kind, **(values | {"author": "somebody", "expires": None, "file": "lists.toml"} | fields))  # type: ignore[arg-type]


def judged(path: Path, lists: Lists, *detections: Detection) -> Report:
    with path.open("rb") as file:
        item = Finished(bytes(path), Report(1, "text", detections=list(detections)), file.fileno())
        (seen,) = lists.applied(iter([item]))
    return seen.report


def detection(name: str, verdict: Verdict = Verdict.INFECTED) -> Detection:
    return Detection(name, "file", 0, 1, "x:1", verdict=verdict)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "folder" / "file"
    file.parent.mkdir()
    file.write_bytes(b"content")
    return file


def applies(path: Path, /, **conditions: object) -> bool:
    report = judged(path, Lists([entry(**conditions)], today=TODAY), detection("Sig"))
    assert len(report.detections) + len(report.allowed) == 1
    return bool(report.allowed)


def test_each_condition_decides_and_all_must_hold(path: Path) -> None:
    digest = hashlib.sha256(b"content").hexdigest()
    folder = f"{path.parent}/"
    assert applies(path, signature="Sig")
    assert applies(path, path=folder)
    assert applies(path, path=str(path))
    assert applies(path, sha256=digest)
    assert applies(path, sha256=digest, signature="Sig", path=folder)
    assert not applies(path, signature="Other")
    assert not applies(path, path=str(path)[:-1])
    assert not applies(path, path=str(path.parent))
    assert not applies(path, sha256=hashlib.sha256(b"other").hexdigest())
    assert not applies(path, sha256=digest, signature="Other")
    assert not applies(path, sha256=digest, path="/elsewhere/")


def test_a_link_does_not_bring_a_file_below_an_allowed_path(path: Path, tmp_path: Path) -> None:
    (tmp_path / "allowed").mkdir()
    link = tmp_path / "allowed" / "link"
    link.symlink_to(path)
    assert not applies(link, path=f"{tmp_path}/allowed/")


def test_an_allowed_signature_does_not_hide_another_one(path: Path) -> None:
    lists = Lists([entry(signature="Wrong")], today=TODAY)
    assert lists.wants_all_matches
    report = judged(path, lists, detection("Wrong"), detection("Right"), detection("Later"))
    assert [found.name for found in report.detections] == ["Right"]
    assert [found.detection.name for found in report.allowed] == ["Wrong"]
    assert report.verdict is Verdict.INFECTED


def test_what_is_behind_too_many_allowed_detections_is_incomplete(path: Path) -> None:
    lists = Lists([entry(signature="Wrong")], today=TODAY)
    report = judged(path, lists, *[detection("Wrong")] * Limits().detections)
    assert report.verdict is Verdict.INCOMPLETE


def test_a_denied_signature_means_infected_and_wins(path: Path) -> None:
    lists = Lists([entry(DENY, signature="Sig"), entry(path=f"{path.parent}/")], today=TODAY)
    report = judged(path, lists, detection("Sig", Verdict.SUSPICIOUS), detection("Other"))
    assert [(found.name, found.verdict) for found in report.detections] == [("Sig", Verdict.INFECTED)]
    assert [found.detection.name for found in report.allowed] == ["Other"]


def test_a_denied_path_is_a_detection_of_its_own(path: Path) -> None:
    denied = entry(DENY, path=str(path))
    report = judged(path, Lists([denied], today=TODAY))
    assert [(found.name, found.description) for found in report.detections] == [
        (f"Denied.{denied.identifier}", "a reason")
    ]
    assert not judged(path, Lists([entry(DENY, path=f"{path}x")], today=TODAY)).detections


def test_denied_contents_become_signatures_in_the_format_of_clamav() -> None:
    known, unknown = entry(DENY, sha256="ab" * 32, size=7), entry(DENY, sha256="cd" * 32)
    assert Lists([known, unknown], today=TODAY).hash_lines().splitlines() == [
        f"{'ab' * 32}:7:Denied.{known.identifier}",
        f"{'cd' * 32}:*:Denied.{unknown.identifier}:73",
    ]


def test_what_has_expired_does_not_count_and_is_told(path: Path) -> None:
    lists = Lists([entry(signature="Sig", expires=date(2026, 12, 31))], today=TODAY)
    assert judged(path, lists, detection("Sig")).detections
    assert len(lists.notices) == 1
    assert "has expired" in lists.notices[0]
    assert judged(path, Lists([entry(signature="Sig", expires=TODAY)], today=TODAY), detection("Sig")).allowed


def test_places_where_everybody_may_write_are_holes(tmp_path: Path) -> None:
    assert "temporary" in hole("/tmp/x/")  # noqa: S108
    assert "so much" in hole("/usr/")
    assert "does not exist" in hole("/nothing/here/")
    assert hole("/usr/bin/env") == ""
    assert hole("") == ""


def test_a_folder_that_others_may_write_is_a_hole() -> None:
    folder = Path.home() / f".freehold-test-{os.getpid()}"
    folder.mkdir(mode=0o755)
    try:
        assert hole(f"{folder}/") == ""
        folder.chmod(0o777)
        assert "others than you" in hole(f"{folder}/")
    finally:
        folder.rmdir()


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(str.strip)
entries = st.builds(
    entry,
    st.just(ALLOW),
    sha256=st.sampled_from(["", "ab" * 32]),
    signature=texts,
    path=st.just("") | texts.map("/{}".format),
    reason=texts,
    author=texts,
    expires=st.none() | st.dates(),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lists")


@given(st.lists(entries, min_size=1, max_size=4, unique_by=lambda one: one.identifier), st.data())
def test_what_is_written_is_read_and_can_be_removed(folder: Path, added: list[Entry], data: st.DataObject) -> None:
    file = folder / "lists.toml"
    file.unlink(missing_ok=True)
    comment = "# a comment that somebody wrote\n"
    writing.add(file, added[:1])
    file.write_text(comment + file.read_text())
    for one in added[1:]:
        writing.add(file, [one])
    plain = [reading.entries([file])[number].conditions for number in range(len(added))]
    assert plain == [one.conditions for one in added]
    assert [(e.reason, e.author, e.expires) for e in reading.entries([file])] == [
        (e.reason, e.author, e.expires) for e in added
    ]
    gone = data.draw(st.sampled_from(added))
    writing.remove(file, gone.identifier)
    assert [e.identifier for e in reading.entries([file])] == [e.identifier for e in added if e is not gone]
    assert file.read_text().startswith(comment)


def test_an_entry_stands_once_and_only_what_is_there_can_be_removed(tmp_path: Path) -> None:
    file = tmp_path / "lists.toml"
    writing.add(file, [entry(signature="Sig")])
    before = file.read_text()
    with pytest.raises(UsageError, match="already"):
        writing.add(file, [entry(signature="Sig", reason="another")])
    with pytest.raises(UsageError, match="there is no entry"):
        writing.remove(file, "00000000")
    assert file.read_text() == before
    tomllib.loads(before)


GOOD = 'signature = "S"\nreason = "r"\nauthor = "a"\nexpires = "never"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[alow]]\n" + GOOD, "neither"),
        ("[[allow]]\n" + GOOD + "resaon = 'x'\n", "did you mean 'reason'"),
        ("[[allow]]\n" + GOOD.replace("reason", "path"), "'reason' is missing"),
        ("[[allow]]\n" + GOOD.replace('"never"', '"soon"'), "expires"),
        ("[[allow]]\n" + GOOD.replace('expires = "never"\n', ""), "expires"),
        ("[[allow]]\n" + GOOD + 'sha256 = "12"\n', "64"),
        ("[[allow]]\n" + GOOD + 'path = "x"\n', "absolute"),
        ("[[allow]]\n" + GOOD.replace('signature = "S"\n', ""), "neither sha256"),
        ("[[deny]]\n" + GOOD + 'path = "/x"\n', "one of"),
        ("[[allow]]\n" + GOOD + "size = -1\n", "number of bytes"),
        ("[[allow]\n", "lists.toml"),
        ("allow = 1\n", "neither"),
    ],
)
def test_what_is_wrong_in_a_file_is_told(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "lists.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=said):
        reading.entries([file])


def test_a_file_that_others_may_write_is_not_followed(tmp_path: Path) -> None:
    file = tmp_path / "lists.toml"
    writing.add(file, [entry(signature="Sig")])
    file.chmod(0o666)
    with pytest.raises(UsageError, match="others may write it"):
        reading.entries([file])


def test_ends_of_lines_that_toml_does_not_know_stay_in_their_values(tmp_path: Path) -> None:
    file = tmp_path / "lists.toml"
    author = "\x85[ \u2028[[allow]] \x0b"
    writing.add(file, [entry(signature="A", author=author), entry(signature="B")])
    assert writing.remove(file, entry(signature="B").identifier).signature == "B"
    assert [found.author for found in reading.entries([file])] == [author]
