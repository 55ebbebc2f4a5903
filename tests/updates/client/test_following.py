"""Following a feed by the command line, through nginx: what is fetched, what is found, what is refused."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.frontends.conftest import Run
from tests.updates.client.conftest import Serve, Web
from tests.updates.client.publisher import Publisher
from tests.updates.publisher import START
from tests.updates.publisher import Publisher as Repository

from freehold.updates.content import segments

pytestmark = pytest.mark.slow

YARA = 'rule marker_3 { strings: $a = "marker 3 of a test" condition: $a }\n'

MARKERS = [f"marker {number} of a test".encode() for number in range(8)]


def hdb(number: int) -> str:
    return f"{sha256(MARKERS[number]).hexdigest()}:{len(MARKERS[number])}:Test.Marker-{number}"


class Client:
    """One machine that follows a feed, in a folder of its own."""

    def __init__(self, run: Run, home: Path, web: Web, publisher: "Publisher | Repository") -> None:
        self._run = run
        kinds = ("cache", "config", "data", "state")
        self.environment = os.environ | {f"XDG_{kind.upper()}_HOME": str(home / kind) for kind in kinds}
        self.environment["XDG_CACHE_HOME"] = os.environ["XDG_CACHE_HOME"]
        self.home = home
        self.web = web
        self.root_sha256 = sha256((web.root / "metadata/1.root.json").read_bytes()).hexdigest()
        self.folder = home / "data/freehold/feeds/core"
        for kind in kinds:
            (home / kind).mkdir(parents=True, exist_ok=True)

    def run(self, *args: object) -> tuple[int, str, str]:
        done = self._run(*map(str, args), env=self.environment)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def adopt(self, *args: object) -> None:
        status, _, errors = self.run("feed", "adopt", self.web.address, "--root-sha256", self.root_sha256, *args)
        assert (status, errors) == (0, "")

    def update(self, *args: object) -> dict[str, Any]:
        status, output, errors = self.run("update", "--json", *args)
        assert "Traceback" not in errors
        answer = json.loads(output.splitlines()[-1])
        assert status == answer.get("status", 0)
        return answer | {"errors": errors}

    def found(self, tmp_path: Path) -> set[int]:
        """Return which markers a scan finds."""
        folder = tmp_path / "markers"
        folder.mkdir(exist_ok=True)
        for number, marker in enumerate(MARKERS):
            (folder / str(number)).write_bytes(marker)
        _, output, errors = self.run("scan", "--format", "jsonl", "--no-history", "--no-cache", folder)
        assert "Traceback" not in errors
        reports = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
        return {int(Path(report["path"]).name) for report in reports if report.get("detections")}


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    return Publisher(tmp_path / "tree")


@pytest.fixture
def client(tmp_path: Path, serve: Serve, publisher: Publisher, freehold: Run) -> Client:
    return Client(freehold, tmp_path / "client", serve(publisher.tree), publisher)


def pattern(number: int) -> str:
    return f"Test.Pattern-{number}:0:*:{MARKERS[number].hex()}"


def test_first_install_then_nothing_new_then_one_release(client: Client, publisher: Publisher, tmp_path: Path) -> None:
    publisher.release({"hsb": [hdb(0), hdb(1)], "ndb": [pattern(4)]})
    client.adopt()
    client.web.requests()
    first = client.update()
    assert (first["outcome"], first["release"]) == ("updated", 1), first
    assert client.found(tmp_path) == {0, 1, 4}
    client.web.requests()
    again = client.update()
    assert (again["outcome"], again["requests"]) == ("current", 1)
    assert client.web.requests() == ["GET /head 304"]
    publisher.now += 10
    publisher.release({"hsb": [hdb(1), hdb(2)]})
    second = client.update()
    assert (second["outcome"], second["release"], second["requests"]) == ("updated", 2, 2), second
    assert [line.split("/")[1].split(" ")[0] for line in client.web.requests()] == ["head", "targets"]
    assert client.found(tmp_path) == {1, 2}


def test_what_freehold_repo_publishes(freehold: Run, serve: Serve, tmp_path: Path) -> None:
    """From signature files to a detection: three releases of the publisher's own commands, one of them a retraction."""
    repository = Repository(tmp_path / "publisher")
    repository.release(hsb=hdb(0) + "\n" + hdb(1) + "\n", yar=YARA)
    client = Client(freehold, tmp_path / "client", serve(repository.public), repository)
    client.adopt("--ring", "early")
    assert client.update()["release"] == 1
    assert client.found(tmp_path) == {0, 1, 3}
    repository.release(hsb=hdb(0) + "\n" + hdb(1) + "\n" + hdb(2) + "\n")
    client.web.requests()
    answer = client.update()
    assert (answer["release"], answer["requests"]) == (2, 2)
    assert len(client.web.requests()) == 2
    assert client.found(tmp_path) == {0, 1, 2, 3}
    assert client.update()["requests"] == 1
    assert client.web.requests() == ["GET /head 304"]
    repository.run("revoke", "Test.Marker-1", "--published", START + 60 * 3)
    repository.publish()
    answer = client.update()
    assert (answer["release"], answer["requests"]) == (3, 2)
    assert client.found(tmp_path) == {0, 2, 3}


def test_a_large_release(client: Client, publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of so many bytes that several processes would compile it elsewhere."""
    monkeypatch.setattr(segments, "_LEVEL", 1)  # how well it is packed does not matter here
    many = [f"{number:064x}:{number}:Test.Large-{number}-{'x' * 360}" for number in range(20_500)]
    publisher.release({"hsb": [*many, hdb(0)]})
    client.adopt()
    assert client.update()["outcome"] == "updated"
    assert client.found(tmp_path) == {0}
    publisher.now += 1
    publisher.release({"hsb": many[:-1]})
    assert client.update()["requests"] == 2
    assert client.found(tmp_path) == set()


def test_what_is_taken_back_is_not_found_any_more_and_nothing_else_is_lost(
    client: Client, publisher: Publisher, tmp_path: Path
) -> None:
    """Also where several signatures have one name, and for whole files."""
    same = [hdb(0), hdb(1).replace("Marker-1", "Marker-0"), hdb(2)]
    publisher.release({"hsb": same, "ndb": [pattern(4), pattern(5)], "yar": [YARA]})
    client.adopt()
    assert client.update()["outcome"] == "updated"
    assert client.found(tmp_path) == {0, 1, 2, 3, 4, 5}
    publisher.now += 1
    publisher.release({"hsb": same[1:], "ndb": [pattern(5)]})
    answer = client.update()
    assert (answer["outcome"], answer["requests"]) == ("updated", 2)
    assert client.found(tmp_path) == {1, 2, 5}


def test_a_release_that_fires_on_programs_of_this_machine_is_held_and_named(
    client: Client, publisher: Publisher, tmp_path: Path
) -> None:
    publisher.release({"hsb": [hdb(0)]})
    client.adopt()
    client.update()
    publisher.now += 1
    publisher.release({"hsb": [hdb(0), hdb(1)], "ndb": ["Test.Bad-Release:6:0:7f454c46"]})
    answer = client.update()
    assert (answer["reason"], answer["status"]) == ("held", 26)
    assert re.search(
        r"release 2 is held back: .*Test.Bad-Release \(core/new.ndb:1\) is found in /usr/s?bin/", answer["detail"]
    )
    assert client.found(tmp_path) == {0}
    status, output, _ = client.run("update", "status")
    assert "in use      release 1" in output
    assert "REFUSED     held: release 2 is held back" in output
    assert "held back   2" in output
    assert status == 0


def test_a_first_release_that_switches_the_test_file_off_is_held(client: Client, publisher: Publisher) -> None:
    eicar = "44d88612fea8a8f36de82e1278abb02f"
    publisher.release({"fp": [f"{eicar}:68:Allowed"], "hsb": [hdb(0)]})
    client.adopt("--may", "allow")
    answer = client.update()
    assert answer["reason"] == "held"
    assert "the EICAR test file is not detected any more" in answer["detail"]
    assert not (client.folder / "bundle").exists()


def test_going_back(client: Client, publisher: Publisher, tmp_path: Path) -> None:
    publisher.release({"hsb": [hdb(0)]})
    client.adopt()
    client.update()
    status, _, errors = client.run("update", "--rollback")
    assert (status, errors) == (3, "freehold: error: there is no generation before release 1 to go back to\n")
    publisher.now += 1
    publisher.release({"hsb": [hdb(1)]})
    client.update()
    assert client.found(tmp_path) == {1}
    status, output, _ = client.run("update", "--rollback", "core")
    assert (status, output) == (0, "core: back from release 2 to 1; 2 is not taken again\n")
    assert client.found(tmp_path) == {0}
    assert client.update()["reason"] == "held"
    assert client.update("--again")["release"] == 2
    assert client.found(tmp_path) == {1}


def test_a_storm_of_detections_on_old_files_brings_the_release_before_back(
    client: Client, publisher: Publisher, tmp_path: Path
) -> None:
    publisher.release({"hsb": [hdb(0)]})
    client.adopt()
    client.update()
    old = tmp_path / "old"
    old.mkdir()
    for number in range(25):
        (old / str(number)).write_bytes(MARKERS[1])
    publisher.now += 1
    publisher.release({"hsb": [hdb(0), hdb(1)]})
    client.update()
    status, _, errors = client.run("scan", "--no-history", "--no-cache", old)
    assert status == 1
    told = "core: it detects 25 files that were here before: back from release 2 to 1; 2 is not taken again"
    assert told in errors
    assert client.run("scan", "--no-history", "--no-cache", old)[0] == 0
    assert "it detects 25 files" in client.run("update", "status")[1]
    assert client.update()["reason"] == "held"


def test_workers_of_the_daemon_that_die_of_a_release_bring_the_one_before_back(
    client: Client, publisher: Publisher
) -> None:
    """The daemon has another process go back: this is that process."""
    publisher.release({"hsb": [hdb(0)]})
    client.adopt()
    client.update()
    publisher.now += 1
    publisher.release({"hsb": [hdb(1)]})
    client.update()
    command = [sys.executable, "-I", "-m", "freehold.frontends.cli.update_watch", "2"]
    done = subprocess.run(command, env=client.environment, capture_output=True, text=True, check=True)
    assert "core: 2 workers of the daemon died: back from release 2 to 1" in done.stderr


def test_status_says_what_is_trusted(client: Client, publisher: Publisher) -> None:
    assert client.run("update", "status")[1].startswith("no feed is followed")
    publisher.release({"hsb": [hdb(0), hdb(1)]})
    client.adopt()
    assert "nothing yet" in client.run("update", "status")[1]
    client.update()
    status, output, _ = client.run("update", "status")
    assert status == 0
    for words in (
        "core  A DEMO",
        "in use      release 1 of just now, 2 signatures",
        f"root        {publisher.root_sha256[:16]}… (chosen), version 1 now",
        "core        version 1, signed by 1 of 1 keys, 1 needed, until",
        "log         log.example/core, 1 entries",
        "w1 just now, w2 just now, w3 just now; quorum: 2 of w1, w2, w3",
        "Landlock",
    ):
        assert words in output, output
    (feed,) = json.loads(client.run("update", "status", "--json")[1])["feeds"]
    assert (feed["release"], feed["log"]["size"], feed["demo"], feed["old"]) == (1, 1, True, False)
    assert {role["name"]: (role["signed"], role["threshold"]) for role in feed["roles"]} == dict.fromkeys(
        ("root", "timestamp", "snapshot", "targets", "core"), (1, 1)
    )


def test_status_warns_of_what_is_old(client: Client, publisher: Publisher) -> None:
    publisher.now -= 3 * 24 * 3600
    publisher.release({"hsb": [hdb(0)]})
    client.adopt()
    assert client.update("--from", publisher.tree)["outcome"] == "updated"
    assert client.run("update", "status")[0] == 23


def test_feeds_of_both_kinds_live_side_by_side(client: Client, publisher: Publisher, tmp_path: Path) -> None:
    publisher.release({"hsb": [hdb(0)]})
    client.adopt()
    own = tmp_path / "own"
    own.mkdir()
    (own / "own.hsb").write_text(hdb(1) + "\n")
    status, _, errors = client.run("feed", "add", "core", "--from", own)
    assert (status, "there is a feed 'core' already" in errors) == (3, True)
    assert client.run("feed", "add", "own", "--from", own)[0] == 0
    client.update()
    assert client.found(tmp_path) == {0, 1}
    assert "core            followed" in client.run("feed", "list")[1]
    assert client.run("feed", "remove", "core")[0] == 0
    assert client.found(tmp_path) == {1}


def test_adopting_asks_for_the_right_fingerprint(client: Client, publisher: Publisher) -> None:
    address, right = client.web.address, publisher.root_sha256
    for place, fingerprint, words in (
        (address, "0" * 64, "none of its 1 roots of trust has this fingerprint"),
        (address + "/nothing", right, "there is no feed at this place"),
        (address, "7", "a fingerprint is a SHA-256"),
        ("/nowhere", right, "there is no such folder or bundle"),
        ("ftp://example/", right, "there is no such folder"),
        ("https://user:secret@example/", right, "a password in it"),
    ):
        status, _, errors = client.run("feed", "adopt", place, "--root-sha256", fingerprint)
        assert status == 3, errors
        assert words in errors
        assert "secret" not in errors
    status, _, errors = client.run("update", "core")
    assert (status, errors) == (3, "freehold: error: no feed 'core' is followed\n")


def test_offline_means_offline(client: Client, publisher: Publisher, tmp_path: Path) -> None:
    publisher.release({"hsb": [hdb(0)]})
    client.adopt()
    client.web.requests()
    status, _, errors = client.run("update", "--offline")
    assert (status, "no origin that may be asked" in errors) == (3, True)
    assert client.web.requests() == []
    place = publisher.copy(tmp_path / "a stick").as_uri()
    assert "%20" in place
    assert client.update("--offline", "--from", place)["release"] == 1
    assert client.web.requests() == []


class Recorder:
    """Stands between clients and a server, and keeps every byte that clients send."""

    def __init__(self, target: int) -> None:
        self.sent = b""
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._target = target
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port)) as last:
            last.sendall(b"END")
        self._thread.join()
        self._listening.close()

    def _run(self) -> None:
        while True:
            with self._listening.accept()[0] as client, socket.create_connection(("127.0.0.1", self._target)) as server:
                first = client.recv(65_536)
                if first == b"END":
                    return
                self._keep(first, server)
                back = threading.Thread(target=self._back, args=(server, client))
                back.start()
                while piece := client.recv(65_536):
                    self._keep(piece, server)
                server.shutdown(socket.SHUT_WR)
                back.join()

    def _keep(self, piece: bytes, server: socket.socket) -> None:
        self.sent += piece
        server.sendall(piece)

    def _back(self, server: socket.socket, client: socket.socket) -> None:
        while piece := server.recv(65_536):
            client.sendall(piece)


def test_every_byte_that_leaves(
    client: Client, publisher: Publisher, tmp_path: Path, freehold: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two machines that do the same send the same bytes, and each request is all that it can be."""
    recorder = Recorder(int(client.web.address.rpartition(":")[2]))
    recorded = Web(f"http://127.0.0.1:{recorder.port}", client.web.root, client.web.log)
    streams = []
    try:
        publisher.release({"hsb": [hdb(0)]})
        machines = [Client(freehold, tmp_path / name, recorded, publisher) for name in ("one", "two")]
        for machine in machines:
            machine.adopt()
            machine.update()
            machine.update()
        middle = recorder.sent
        publisher.now += 1
        publisher.release({"hsb": [hdb(1)]})
        for machine in machines:
            before = recorder.sent
            machine.update()
            streams.append(recorder.sent[len(before) :])
    finally:
        recorder.close()
    assert streams[0] == streams[1]
    assert middle[: len(middle) // 2] == middle[len(middle) // 2 :]
    requests = recorder.sent.split(b"\r\n\r\n")
    assert requests.pop() == b""
    allowed = re.compile(
        rb"GET /[!-~]+ HTTP/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\nUser-Agent: Freehold\r\nAccept-Encoding: identity"
        rb"(\r\nIf-Modified-Since: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT)?"
    )
    assert all(allowed.fullmatch(request) for request in requests)
    assert sum(b"If-Modified-Since" in request for request in requests) == 4


CONFINED = """
import sys
from pathlib import Path
from freehold.frontends.cli.update_confinement import confine
confine(Path(sys.argv[1]), [])
for name in sys.argv[2:]:
    try:
        Path(name).read_bytes()
        print("read")
    except PermissionError:
        print("denied")
"""


def test_the_updater_sees_no_file_of_a_users(tmp_path: Path) -> None:
    """Whoever takes it over can read the system's programs and its own folder, and nothing of anybody's."""
    mine = tmp_path / "feeds"
    mine.mkdir()
    (mine / "own").write_text("own")
    (tmp_path / "letter.txt").write_text("dear")
    (mine / "link").symlink_to(tmp_path / "letter.txt")
    places = [mine / "own", "/usr/bin/env", tmp_path / "letter.txt", mine / "link", "/etc/shadow", "/etc/passwd"]
    done = subprocess.run([sys.executable, "-c", CONFINED, mine, *places], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["read", "read", *["denied"] * 4]


@pytest.mark.skipif(not Path("/usr/bin/strace").exists(), reason="strace is not installed")
def test_it_confines_itself_before_it_asks_anybody(client: Client, publisher: Publisher, tmp_path: Path) -> None:
    from tests.frontends.conftest import COMMAND

    publisher.release({"hsb": [hdb(0)]})
    client.adopt()
    trace = tmp_path / "trace"
    command = ["strace", "-o", trace, "-e", "trace=connect,landlock_restrict_self", COMMAND, "update"]
    subprocess.run(command, env=client.environment, check=True, capture_output=True)
    calls = [line for line in trace.read_text().splitlines() if line.startswith(("connect", "landlock"))]
    assert re.match(r"landlock_restrict_self\(.*\) += 0", calls[0]), calls[:3]
    assert any("AF_INET" in line for line in calls[1:])
