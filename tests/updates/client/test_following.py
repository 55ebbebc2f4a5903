"""Following a feed by the command line, through nginx: what is fetched, what is found, what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.frontends.conftest import Run
from tests.updates.client.conftest import Serve, Web
from tests.updates.client.publisher import Publisher

MARKERS = [f"marker {number} of a test".encode() for number in range(8)]


def hdb(number: int) -> str:
    from hashlib import sha256

    return f"{sha256(MARKERS[number]).hexdigest()}:{len(MARKERS[number])}:Test.Marker-{number}"


class Client:
    """One machine that follows a feed, in a folder of its own."""

    def __init__(self, run: Run, home: Path, web: Web, publisher: Publisher) -> None:
        import os

        self._run = run
        kinds = ("cache", "config", "data", "state")
        self.environment = os.environ | {f"XDG_{kind.upper()}_HOME": str(home / kind) for kind in kinds}
        self.environment["XDG_CACHE_HOME"] = os.environ["XDG_CACHE_HOME"]
        self.home = home
        self.web = web
        self.publisher = publisher
        self.folder = home / "data/freehold/feeds/core"
        for kind in kinds:
            (home / kind).mkdir(parents=True, exist_ok=True)

    def run(self, *args: object) -> tuple[int, str, str]:
        done = self._run(*map(str, args), env=self.environment)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def adopt(self, *args: object) -> None:
        status, _, errors = self.run(
            "feed", "adopt", self.web.address, "--root-sha256", self.publisher.root_sha256, *args
        )
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


def test_first_install_then_nothing_new_then_one_release(client: Client, publisher: Publisher, tmp_path: Path) -> None:
    publisher.release({"hsb": [hdb(0), hdb(1)], "ndb": ["Test.Pattern:0:*:6e6f626f64792077726974657320746869730a"]})
    client.adopt()
    client.web.requests()
    first = client.update()
    assert (first["outcome"], first["release"]) == ("updated", 1), first
    assert client.found(tmp_path) == {0, 1}
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
