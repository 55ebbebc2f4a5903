"""``freehold repo witness``, ``monitor`` and ``status``, as their users run them."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.frontends.conftest import COMMAND, Run
from tests.updates.publish.serving import served
from tests.updates.publisher import Publisher, Refused, hashes
from tests.updates.witnesses import log_key

NAME = "witness.example/w1"


@contextmanager
def running(data: Path, *options: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a witness on a free port; gives the process and its address."""
    command = [COMMAND, "repo", "witness", "--data", data, "--listen", "127.0.0.1:0", *options]
    with subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        said = [process.stdout.readline() for _ in range(2)]
        address = re.search(r"http://127\.0\.0\.1:\d+", said[1])
        assert address, (said, process.stderr and process.stderr.read())
        try:
            yield process, address[0]
        finally:
            process.kill()
            process.wait(60)


@pytest.fixture(scope="module")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    """A repository of three releases, with a log that nobody witnesses."""
    made = Publisher(tmp_path_factory.mktemp("publisher"))
    made.release(hdb=hashes(*range(30)))
    made.release(hdb=hashes(*range(40)), ndb="Two:0:*:deadbeefdeadbeef\n")
    made.release("--urgent", hdb=hashes(*range(5, 40)))
    return made


@pytest.fixture
def root(publisher: Publisher) -> Path:
    return publisher.public / "metadata" / "1.root.json"


def test_a_publisher_gets_what_a_witness_signs_and_the_witness_remembers(freehold: Run, tmp_path: Path) -> None:
    data = tmp_path / "w1"
    shown = freehold("repo", "witness", "--data", data, "--name", NAME, "--show-key")
    vkey = shown.stdout.decode().strip()
    assert vkey.startswith(f"{NAME}+")
    assert (data / "witness.key").stat().st_mode & 0o777 == 0o600
    both = freehold("repo", "witness", "--data", data, "--ml-dsa", "--name", NAME, "--show-key").stdout.decode()
    assert both.splitlines()[0] == vkey
    assert len(both.splitlines()[1]) > 1700  # ML-DSA-44's public keys have 1312 bytes
    publisher = Publisher(tmp_path / "publisher", "--witness", f"w1 {vkey} http://127.0.0.1:9", "--quorum", "1")
    for release in (1, 2):  # another process each time, on another port
        with running(data, "--log", log_key(publisher.folder)) as (process, address):
            publisher.run("rotate", "--set-policy", "--witness", f"w1 {vkey} {address}", "--quorum", 1)
            assert publisher.release(hdb=hashes(*range(release))).seq == release
            with served(publisher.public) as url:
                watch = ("repo", "monitor", url, "--data", tmp_path / "watch", "--ask-witnesses")
                seen = freehold(*watch, "--root", publisher.public / "metadata" / "1.root.json")
                assert seen.returncode == 0, seen.stdout
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
            assert process.stderr
            assert "event=cosigned" in process.stderr.read()
    with served(publisher.public) as url:
        unseen = freehold("repo", "monitor", url, "--data", tmp_path / "watch", "--ask-witnesses")
    assert unseen.returncode == 2
    assert b"the witness w1 gives no answer" in unseen.stdout


def test_a_witness_without_a_network_is_asked_by_files(freehold: Run, tmp_path: Path) -> None:
    data, requests, answer = tmp_path / "w1", tmp_path / "requests", tmp_path / "answer"
    vkey = freehold("repo", "witness", "--data", data, "--name", NAME, "--show-key").stdout.decode().strip()
    publisher = Publisher(tmp_path / "publisher", "--witness", f"w1 {vkey}", "--quorum", "1")
    key = str(log_key(publisher.folder))

    def carried() -> subprocess.CompletedProcess[bytes]:
        return freehold("repo", "witness", "--data", data, "--log", key, "--answer", requests / "w1.request")

    for release in (1, 2, 3):
        publisher.write(hdb=hashes(*range(release)))
        publisher.build()
        publisher.run("sign", "--demo")
        with pytest.raises(Refused, match="too few witnesses"):
            publisher.run("publish", "--requests", requests)
        signed = carried()
        assert signed.returncode == 0, signed.stderr
        answer.write_bytes(signed.stdout)
        publisher.run("publish", "--cosignature", answer)
        assert publisher.current().seq == release
    again = carried()  # the request of before: the witness is further
    assert again.returncode == 3
    assert b"it has signed 3 entries" in again.stderr


def test_two_witnesses_may_not_share_a_folder(freehold: Run, tmp_path: Path, publisher: Publisher) -> None:
    options = ("--log", log_key(publisher.folder))
    with running(tmp_path, "--name", NAME, *options):
        second = freehold("repo", "witness", "--data", tmp_path, "--listen", "127.0.0.1:0", *map(str, options))
        assert second.returncode == 3
        assert b"another witness uses" in second.stderr


def test_what_a_witness_cannot_work_with_is_explained(freehold: Run, tmp_path: Path, publisher: Publisher) -> None:
    def refused(*arguments: object) -> str:
        result = freehold("repo", "witness", "--data", tmp_path / "w", *map(str, arguments))
        assert result.returncode == 3
        assert b"Traceback" not in result.stderr
        return result.stderr.decode()

    assert "say --name to make one" in refused("--show-key")
    assert "neither spaces nor '+'" in refused("--name", "a b")
    assert freehold("repo", "witness", "--data", tmp_path / "w", "--name", NAME, "--show-key").returncode == 0
    assert "which logs may ask" in refused()
    assert f"is called {NAME}, not other" in refused("--name", "other")
    assert "three parts" in refused("--log", "nonsense")
    vkey = freehold("repo", "witness", "--data", tmp_path / "w", "--show-key").stdout.decode().strip()
    assert "that of a witness, not of a log" in refused("--log", vkey)
    assert "cannot read" in refused("--policy", tmp_path / "missing")
    assert "not an address" in refused("--listen", "localhost")
    (tmp_path / "w" / "witness.key").chmod(0o644)
    assert "can be read by others" in refused("--log", log_key(publisher.folder))
    (tmp_path / "w" / "witness.key").chmod(0o600)
    (tmp_path / "w" / "witness.key").write_text("PRIVATE+KEY+nonsense")
    complaint = refused("--log", log_key(publisher.folder))
    assert "is no signing key" in complaint


def test_a_monitor_says_by_its_exit_status_what_it_found(
    freehold: Run, tmp_path: Path, publisher: Publisher, root: Path
) -> None:
    def monitor(origin: Path, *arguments: object) -> subprocess.CompletedProcess[bytes]:
        return freehold("repo", "monitor", origin, "--data", tmp_path / "watch", *map(str, arguments))

    assert b"whom to trust?" in monitor(publisher.public).stderr
    assert monitor(publisher.public).returncode == 3
    first = monitor(publisher.public, "--root", root)
    assert first.returncode == 0
    assert first.stdout.decode().splitlines() == [
        "note entry 0: release 1 is what its inputs give: 30 signatures",
        "note entry 1: release 2 is what its inputs give: 41 signatures",
        "note entry 2: release 3 is what its inputs give: 36 signatures",
        "3 entries of the log, release 3: nothing is wrong",
    ]
    (tmp_path / "empty").mkdir()
    assert monitor(tmp_path / "empty").returncode == 2
    mirror = tmp_path / "mirror"
    shutil.copytree(publisher.public, mirror)
    (mirror / "log" / "checkpoint").write_text("nonsense")
    alarm = monitor(mirror, "--format", "jsonl")
    assert alarm.returncode == 1
    assert [(one["severity"], one["kind"]) for one in map(json.loads, alarm.stdout.splitlines())] == [
        ("alarm", "malformed")
    ]


def test_a_monitor_takes_the_root_that_was_named_and_no_other(
    freehold: Run, tmp_path: Path, publisher: Publisher, root: Path
) -> None:
    import hashlib

    digest = hashlib.sha256(root.read_bytes()).hexdigest()
    command = ("repo", "monitor", publisher.public, "--data", tmp_path / "watch", "--root-sha256")
    wrong = freehold(*command, "0" * 64)
    assert wrong.returncode == 3
    assert b"serves no root of trust" in wrong.stderr
    assert freehold(*command, digest.upper()).returncode == 0


def test_a_monitor_that_looks_again_and_again_ends_with_the_worst(
    tmp_path: Path, publisher: Publisher, root: Path
) -> None:
    command = [COMMAND, "repo", "monitor", publisher.public, "--data", tmp_path, "--root", root, "--every", "0.1"]
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(6)]
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert lines[3] == lines[4] == "3 entries of the log, release 3: nothing is wrong\n"


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.text = " ".join(self.words)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src", "action", "data"}]

    def handle_data(self, data: str) -> None:
        self.words += data.split()


def test_status_is_shown_to_people_and_programs(freehold: Run, publisher: Publisher, root: Path) -> None:
    text = freehold("repo", "status", publisher.public).stdout.decode()
    assert "release     3 of " in text
    assert "36 signatures" in text
    assert "root       3 of 5 (" in text
    assert "compare it with what the publisher says elsewhere" in text
    answer = freehold("repo", "status", publisher.public, "--root", root, "--json")
    found = json.loads(answer.stdout)
    assert found["pinned"] is True
    assert (found["log_size"], found["release"]["seq"], found["demo"]) == (3, 3, True)
    assert found["release"]["counts"] == {"hdb": 35, "ndb": 1}
    assert [one["release"]["seq"] for one in found["releases"]] == [3, 2, 1]
    assert [one["change"] for one in found["releases"]] == [-5, 11, None]
    weights = {one["what"]: one for one in found["weights"]}
    head = (publisher.public / "head").stat().st_size
    (segment,) = (publisher.public / "targets" / "core").glob("*.seg-2-3.seg")
    assert weights["1 release behind"] == {
        "what": "1 release behind",
        "requests": 2,
        "bytes": head + segment.stat().st_size,
    }


def test_the_page_is_whole_and_loads_nothing(freehold: Run, publisher: Publisher, tmp_path: Path) -> None:
    assert freehold("repo", "status", publisher.public, "--html", "--output", tmp_path / "s.html").returncode == 0
    page = _Page((tmp_path / "s.html").read_text("utf-8"))
    assert page.addresses == []
    assert page.tags.isdisjoint({"script", "link", "img", "iframe", "form"})
    for words in ("core: release 3, 36 signatures", "3 of 5", "alice", "A demonstration.", "at once", "Nobody: the"):
        assert words in page.text, words


def test_a_repository_that_is_not_in_order_has_no_status(freehold: Run, publisher: Publisher, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    shutil.copytree(publisher.public, mirror)
    tile = mirror / "log/tile/0/000.p/3"
    tile.write_bytes(bytes(96))
    result = freehold("repo", "status", mirror)
    assert result.returncode == 3
    assert b"do not lead to its signed head" in result.stderr
    assert freehold("repo", "status", tmp_path / "missing").returncode == 3


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")
def test_the_page_is_accepted_by_a_browser_with_its_style(freehold: Run, publisher: Publisher, tmp_path: Path) -> None:
    page = tmp_path / "status.html"
    freehold("repo", "status", publisher.public, "--html", "--output", page)
    result = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-logging=stderr",
         f"--user-data-dir={tmp_path}/profile", f"--screenshot={tmp_path}/page.png", page.as_uri()],
        capture_output=True, timeout=100, check=True, env=os.environ,
    )  # fmt: skip
    assert b"Content Security Policy" not in result.stderr
    assert (tmp_path / "page.png").stat().st_size > 10_000
