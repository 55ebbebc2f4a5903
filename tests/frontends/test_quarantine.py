"""``freehold scan --quarantine``, ``freehold quarantine`` and ``freehold list`` as a user meets them."""

import hashlib
import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.frontends.conftest import COMMAND

MARKER = b"a harmless marker that one signature of these tests knows\n"


class Home:
    """A user's own folders, so that the tests share nothing."""

    def __init__(self, environment: dict[str, str], top: Path) -> None:
        self.files = top / "files"
        self.files.mkdir()
        self._database = top / "marker.hdb"
        self._database.write_text(f"{hashlib.md5(MARKER).hexdigest()}:{len(MARKER)}:Test.Marker\n")  # noqa: S324
        own = {"XDG_DATA_HOME": str(top / "data"), "XDG_CONFIG_HOME": str(top / "config")}
        self._environment = environment | own

    def run(self, *args: str | Path, **options: object) -> subprocess.CompletedProcess[bytes]:
        command = [COMMAND, *args]
        return subprocess.run(command, capture_output=True, env=self._environment, check=False, **options)  # type: ignore[call-overload,no-any-return]

    def scan(self, *args: str | Path) -> dict[str, dict[str, Any]]:
        result = self.run("scan", "--database", self._database, "--format", "jsonl", *args, self.files)
        assert result.returncode in (0, 1), result.stderr
        reports = map(json.loads, result.stdout.splitlines())
        return {Path(report["path"]).name: report for report in reports}

    def items(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.run("quarantine", "list", "--format", "json").stdout)
        return found


@pytest.fixture
def home(environment: dict[str, str], tmp_path: Path) -> Home:
    return Home(environment, tmp_path)


def test_what_is_found_is_taken_listed_shown_and_put_back(home: Home) -> None:
    (home.files / "bad").write_bytes(MARKER)
    (home.files / "good").write_bytes(b"x")
    with zipfile.ZipFile(home.files / "outer.zip", "w") as archive:
        archive.writestr("inner", MARKER)
    assert json.loads(home.run("quarantine", "list", "--format", "json").stdout) == []
    reports = home.scan("--quarantine")
    outcomes = {name: [action["outcome"] for action in report.get("actions", [])] for name, report in reports.items()}
    assert outcomes == {"bad": ["quarantined"], "outer.zip": ["quarantined"], "good": []}
    assert [path.name for path in home.files.iterdir()] == ["good"]
    items = {Path(item["path"]).name: item for item in home.items()}
    assert items["bad"]["sha256"] == hashlib.sha256(MARKER).hexdigest()
    assert (items["bad"]["inside"], items["outer.zip"]["inside"]) == (False, True)
    shown = home.run("quarantine", "show", items["outer.zip"]["id"][:8]).stdout.decode()
    assert "the whole file was taken" in shown
    assert "outer.zip ▸ inner" in shown
    restored = home.run("quarantine", "restore", "--signature", "Test.Marker", "--format", "json")
    assert restored.returncode == 0
    assert {Path(one["restored"]).name for one in json.loads(restored.stdout)} == {"bad", "outer.zip"}
    assert (home.files / "bad").read_bytes() == MARKER
    assert home.items() == []


@pytest.mark.parametrize("form", ["text", "html", "sarif"])
def test_every_report_says_what_was_done(home: Home, form: str) -> None:
    (home.files / "bad").write_bytes(MARKER)
    database = home.files.parent / "marker.hdb"
    said = home.run("scan", "--database", database, "--format", form, "--quarantine", home.files).stdout.decode()
    assert home.items()[0]["id"] in said
    assert "quarantined" in said.lower()


def test_a_wrong_signature_takes_nothing_and_the_reports_say_what_to_do(home: Home) -> None:
    for number in range(30):
        (home.files / str(number)).write_bytes(MARKER)
    reports = home.scan("--quarantine")
    details = {report["actions"][0]["detail"] for report in reports.values()}
    assert {report["actions"][0]["outcome"] for report in reports.values()} == {"held-back"}
    assert all("Test.Marker hit 30 of 30 files" in detail and "freehold list add allow" in detail for detail in details)
    assert len(list(home.files.iterdir())) == 30
    assert {r["actions"][0]["outcome"] for r in home.scan("--quarantine", "--breaker", "off").values()} == {
        "quarantined"
    }
    assert len(home.items()) == 30


def test_restore_allows_in_the_same_step(home: Home) -> None:
    (home.files / "bad").write_bytes(MARKER)
    home.scan("--quarantine")
    (item,) = home.items()
    result = home.run("quarantine", "restore", item["id"], "--allow", "--reason", "a false positive")
    assert result.returncode == 0, result.stderr
    (report,) = home.scan("--quarantine").values()
    assert report["verdict"] == "clean"
    assert [(allowed["name"], "a false positive" in allowed["why"]) for allowed in report["allowed"]] == [
        ("Test.Marker", True)
    ]
    assert (
        "ALLOWED Test.Marker"
        in home.run("scan", "--database", home.files.parent / "marker.hdb", home.files).stdout.decode()
    )


def test_an_allowed_file_is_not_remembered_as_clean(home: Home) -> None:
    (home.files / "bad").write_bytes(MARKER)
    assert home.run("list", "add", "allow", "--file", home.files / "bad", "--reason", "x").returncode == 0
    assert home.scan()["bad"]["verdict"] == "clean"
    (entry,) = json.loads(home.run("list", "show", "--format", "json").stdout)
    assert home.run("list", "remove", entry["id"]).returncode == 0
    assert home.scan()["bad"]["verdict"] == "infected"


def test_denied_contents_and_paths_are_found(home: Home) -> None:
    (home.files / "one").write_bytes(b"one")
    (home.files / "two").write_bytes(b"two")
    home.scan()
    assert home.run("list", "add", "deny", "--file", home.files / "one", "--reason", "seen before").returncode == 0
    assert home.run("list", "add", "deny", "--path", home.files / "two", "--reason", "dropped here").returncode == 0
    with zipfile.ZipFile(home.files / "three.zip", "w") as archive:
        archive.writestr("inner", b"one")
    reports = home.scan()
    assert {name: report["verdict"] for name, report in reports.items()} == dict.fromkeys(
        ("one", "two", "three.zip"), "infected"
    )
    assert {report["detections"][0]["description"] for report in reports.values()} == {"seen before", "dropped here"}


def test_expired_entries_and_holes_are_told(home: Home) -> None:
    result = home.run("list", "add", "allow", "--path", "/tmp", "--reason", "x", "--expires", "2020-01-01")  # noqa: S108
    assert b"temporary files" in result.stdout
    checked = home.run("list", "check")
    assert checked.returncode == 1
    assert b"has expired" in checked.stdout
    scanned = home.run("scan", "--database", home.files.parent / "marker.hdb", home.files)
    assert b"has expired" in scanned.stderr


@pytest.mark.skipif(not shutil.which("7z"), reason="7z is not installed")
@pytest.mark.parametrize("size", [0, 1, 16, 100_000])
def test_export_is_a_zip_file_that_analysts_open(home: Home, size: int, tmp_path: Path) -> None:
    content = os.urandom(size)
    (home.files / "bad").write_bytes(content)
    home.run("list", "add", "deny", "--path", home.files / "bad", "--reason", "x")
    home.scan("--quarantine")
    (item,) = home.items()
    output = tmp_path / "sample.zip"
    assert home.run("quarantine", "export", item["id"], "--output", output).returncode == 0
    assert content not in output.read_bytes() or size < 2
    got = subprocess.run(["7z", "x", "-so", "-pinfected", output, "bad"], capture_output=True, check=True).stdout
    assert got == content
    assert subprocess.run(["7z", "t", "-pwrong", output], capture_output=True, check=False).returncode
    assert home.run("quarantine", "export", item["id"], "--output", output).returncode == 3
    assert home.run("quarantine", "export", item["id"], "--raw", "--output", "-").stdout == content


def test_nothing_is_removed_for_good_without_asking(home: Home) -> None:
    (home.files / "bad").write_bytes(MARKER)
    home.scan("--quarantine")
    (item,) = home.items()
    refused = home.run("quarantine", "delete", item["id"], stdin=subprocess.DEVNULL)
    assert (refused.returncode, len(home.items())) == (3, 1)
    assert b"--yes" in refused.stderr
    assert home.run("quarantine", "delete", item["id"][:4], "--yes").returncode == 0
    assert home.items() == []


def test_the_oldest_go_first_when_there_is_too_much(home: Home) -> None:
    for number in range(3):
        (home.files / str(number)).write_bytes(MARKER)
        home.scan("--quarantine")
    items = home.items()
    stored = json.loads(home.run("quarantine", "show", items[0]["id"], "--format", "json").stdout)[0]["stored"]
    assert home.run("quarantine", "prune", "--older-than", "1h").returncode == 0
    assert len(home.items()) == 3
    home.run("quarantine", "prune", "--max-size", str(2 * stored), "--dry-run")
    assert len(home.items()) == 3
    home.run("quarantine", "prune", "--max-size", str(2 * stored))
    assert len(home.items()) == 2
    home.run("quarantine", "prune", "--older-than", "0h")
    assert home.items() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["quarantine", "restore"],
        ["quarantine", "restore", "--all", "abc"],
        ["quarantine", "restore", "--signature", "Nothing"],
        ["quarantine", "show", "abc"],
        ["quarantine", "show", "../x"],
        ["quarantine", "prune"],
        ["quarantine", "prune", "--older-than", "soon"],
        ["scan", "--breaker", "off", "."],
        ["scan", "--quarantine", "--breaker", "many", "."],
        ["scan", "--quarantine", "--vault", "/proc/vault", "."],
        ["scan", "--lists", "/nothing", "."],
        ["list", "add", "allow", "--reason", "x"],
        ["list", "add", "allow", "--signature", "S", "--reason", " "],
        ["list", "add", "allow", "--signature", "S", "--reason", "x", "--expires", "soon"],
        ["list", "remove", "12345678"],
    ],
)
def test_misuse_is_told_in_a_sentence(home: Home, arguments: list[str]) -> None:
    result = home.run(*arguments)
    assert result.returncode == 3, result
    assert result.stderr.startswith(b"freehold: error: ")
    assert b"Traceback" not in result.stderr
