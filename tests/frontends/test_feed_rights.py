"""What a feed that is followed may do to the signatures of others: nothing, unless its user says so."""

import json
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from tests.frontends.conftest import Run
from tests.updates.publisher import Publisher

pytestmark = pytest.mark.slow

NAMES = ("a", "b", "c", "north", "s1", "s2", "s3", "s4")
CONTENTS = {name: f"the marker {name} of a test of rights".encode() for name in NAMES}
OTHERS = {"a": "infected", "b": "infected", "c": "infected", "north": "infected"}

Freehold = Callable[..., str]


def hsb(*names: str) -> str:
    return "".join(sorted(f"{digest(name)}:{len(CONTENTS[name])}:Test.{name}\n" for name in names))


def digest(name: str) -> str:
    return sha256(CONTENTS[name]).hexdigest()


SOUTH = hsb("s1", "s2", "s3", "s4").splitlines(keepends=True)
GONE, KEPT, FORGIVEN = (
    {line.rpartition(".")[2].strip() for line in SOUTH[:2]},
    *(line.rpartition(".")[2].strip() for line in SOUTH[2:]),
)


@pytest.fixture(scope="module")
def machine(freehold: Run, tmp_path_factory: pytest.TempPathFactory) -> Freehold:
    """A machine with a feed of its own, and two that it follows; one of these says what it can against the others."""
    top = tmp_path_factory.mktemp("rights")
    environment = os.environ | {f"XDG_{kind}_HOME": str(top / kind.lower()) for kind in ("DATA", "STATE", "CONFIG")}

    def run(*arguments: object, status: int = 0) -> str:
        done = freehold(*map(str, arguments), env=environment, cwd=top)
        assert done.returncode == status, (done.stdout, done.stderr)
        return done.stdout.decode() + done.stderr.decode()

    (top / "files").mkdir()
    for name, content in CONTENTS.items():
        (top / "files" / name).write_bytes(content)
    own = top / "own"
    own.mkdir()
    (own / "base.hsb").write_text(hsb("a", "b", "c"))
    run("feed", "add", "own", "--from", own)
    north, south = Publisher(top / "publisher-n"), Publisher(top / "publisher-s")
    north.release(hsb=hsb("north"), fp="44d88612fea8a8f36de82e1278abb02f:68:Eicar\n")  # no harm, so not held back
    silenced = "".join(f"{digest(name)}:{len(CONTENTS[name])}:Known.{name}\n" for name in ("a", "north", FORGIVEN))
    south.release(hsb="".join(SOUTH), sfp=silenced, ign2="Test.b\n")
    for publisher, name in ((north, "north"), (south, "south")):
        root = sha256((publisher.public / "metadata" / "1.root.json").read_bytes()).hexdigest()
        run("feed", "adopt", publisher.public, "--root-sha256", root, "--name", name, "--ring", "early")
    run("update")
    south.release(hsb="".join(SOUTH[2:]))
    run("update", "south")
    return run


def verdicts(machine: Freehold) -> dict[str, str]:
    """Return the verdict of each file in which something is found; what is remembered of earlier scans counts."""
    output = machine("scan", "--format", "jsonl", "--no-history", "files", status=1)
    reports = [json.loads(line) for line in output.splitlines()]
    return {Path(report["path"]).name: report["verdict"] for report in reports if report["verdict"] != "clean"}


def test_a_feed_silences_its_own_signatures_only_unless_it_may_allow(machine: Freehold) -> None:
    assert verdicts(machine) == OTHERS | {KEPT: "infected"}
    machine("feed", "may", "south", "allow")
    assert verdicts(machine) == {"c": "infected", KEPT: "infected"}
    machine("feed", "may", "south", "detect")
    assert verdicts(machine) == OTHERS | {KEPT: "infected"}  # nobody remembers that they were clean


def test_what_a_feed_finds_that_may_report_only_is_suspicious_and_stays_where_it_is(machine: Freehold) -> None:
    machine("feed", "may", "south", "report")
    assert verdicts(machine) == OTHERS | {KEPT: "suspicious"}
    machine("scan", "--no-history", "--quarantine", Path("files", KEPT), status=1)
    assert verdicts(machine)[KEPT] == "suspicious"
    machine("feed", "may", "south", "detect")


def test_the_right_is_shown(machine: Freehold) -> None:
    assert "south           followed; may detect" in machine("feed", "list")
    machine("feed", "may", "north", "allow")
    listed = {feed["name"]: feed.get("may") for feed in json.loads(machine("feed", "list", "--json"))}
    assert listed == {"own": None, "north": "allow", "south": "detect"}
    shown = {feed["name"]: feed["may"] for feed in json.loads(machine("update", "status", "--json"))["feeds"]}
    assert shown == {"north": "allow", "south": "detect"}
    assert "may         detect: its allow and ignore lists silence its own signatures only" in machine(
        "update", "status", "south"
    )
    machine("feed", "may", "north", "detect")


def test_what_cannot_be_chosen(machine: Freehold) -> None:
    assert "there is; north, south" in machine("feed", "may", "own", "allow", status=3).replace(": ", "; ")
    assert "invalid choice: 'everything'" in machine("feed", "may", "south", "everything", status=3)
