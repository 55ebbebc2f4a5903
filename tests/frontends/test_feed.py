"""``freehold feed`` from the outside."""

import functools
import http.server
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from freehold.bundle import Bundle

Run = Callable[..., subprocess.CompletedProcess[str]]

HASH = "aa15bcf478d165efd2065190eb473bcb:544:Test.File\n"
RULE = 'rule Own { strings: $a = "some text" condition: $a }\n'


@pytest.fixture
def freehold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("no_proxy", "*")

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        code = "import sys; from freehold.frontends.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", code, "feed", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    return run


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "own.hdb").write_text(HASH + "nonsense\n")
    (folder / "own.yar").write_text(RULE)
    return folder


def bundle(tmp_path: Path, name: str) -> Bundle:
    return Bundle.open(tmp_path / "data" / "freehold" / "feeds" / name / "bundle")


def test_life_of_a_feed(freehold: Run, rules: Path, tmp_path: Path) -> None:
    added = freehold("add", "own", "--from", "rules")
    assert added.returncode == 0, added.stderr
    assert "own: 2 signatures (1 clamav-hash, 1 yara), 1 left out" in added.stdout
    assert "own.hdb:2: left out:" in added.stderr
    bundle(tmp_path, "own").verify()
    [listed] = json.loads(freehold("list", "--json").stdout)
    assert (listed["name"], listed["kind"], listed["origin"]) == ("own", "folder", str(rules))
    assert listed["is_compiled"]
    assert "own: nothing new" in freehold("refresh").stdout
    (rules / "own.hdb").write_text(HASH)
    assert "own: 2 signatures (1 clamav-hash, 1 yara), 0 left out" in freehold("refresh", "own").stdout
    assert str(rules) in freehold("list").stdout
    assert freehold("remove", "own").returncode == 0
    assert "There are no feeds" in freehold("list").stdout
    assert not list((tmp_path / "data" / "freehold" / "feeds").iterdir())


def test_failure_of_one_does_not_stop_others(freehold: Run, rules: Path) -> None:
    shutil.copytree(rules, rules.with_name("more"))
    assert freehold("add", "first", "--from", "rules").returncode == 0
    assert freehold("add", "second", "--from", "more").returncode == 0
    shutil.rmtree(rules)
    (rules.with_name("more") / "own.yar").unlink()
    refreshed = freehold("refresh")
    assert refreshed.returncode == 3
    assert "first:" in refreshed.stderr
    assert "second: 1 signature" in refreshed.stdout


def test_forged_database_is_not_added(freehold: Run, tmp_path: Path) -> None:
    folder = tmp_path / "clamav"
    folder.mkdir()
    header = b"ClamAV-VDB:22 Jun 2021 14-58 -0400:1:1:81:X:X:me:1624388302".ljust(512)
    (folder / "main.cvd").write_bytes(header + b"COPYING" + bytes(2041))
    added = freehold("add", "clamav", "--from", folder)
    assert added.returncode == 3
    assert "Traceback" not in added.stderr
    assert freehold("list", "--json").stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("add", "x", "--from", "https://database.clamav.net"), "freshclam or cvdupdate"),
        (("add", "x", "--from", "http://127.0.0.1:9/"), "--insecure-http"),
        (("add", "x", "--from", "missing"), "no such folder"),
        (("add", "../x", "--from", "rules"), "small letters"),
        (("add", "x"), "--from"),
        (("refresh", "x"), "no feed 'x'"),
        (("remove", "x"), "no feed 'x'"),
        ((), "ACTION"),
    ],
)
def test_refused(freehold: Run, rules: Path, arguments: tuple[str, ...], reason: str) -> None:
    done = freehold(*arguments)
    assert done.returncode == 3
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "mirror"
    folder.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}/"
        httpd.shutdown()
        thread.join()


def test_mirror_is_refused_when_it_offers_something_else(freehold: Run, server: str, tmp_path: Path) -> None:
    (tmp_path / "mirror" / "main.cvd").write_bytes(b"<html>welcome</html>")
    added = freehold("add", "clamav", "--from", server, "--insecure-http")
    assert added.returncode == 3
    assert "main.cvd is not a ClamAV database" in added.stderr
    assert freehold("list", "--json").stdout.strip() == "[]"


def test_a_scan_uses_the_feeds_that_are_there(freehold: Run, rules: Path, tmp_path: Path) -> None:
    sample = tmp_path / "sample.txt"
    sample.write_text("here is some text\n")

    def scan() -> subprocess.CompletedProcess[str]:
        command = [Path(sys.executable).with_name("freehold"), "scan", sample]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert scan().returncode == 0
    freehold("add", "own", "--from", "rules")
    found = scan()
    assert found.returncode == 1, found.stderr
    assert "INFECTED Own" in found.stdout
    assert "core pack, feed own" in found.stdout
    freehold("remove", "own")
    assert scan().returncode == 0
