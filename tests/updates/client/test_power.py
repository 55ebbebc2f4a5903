"""Whatever happens at whichever system call of an update: a whole release is in use, and the next update is fine."""

import os
import shutil
import sys
import traceback
from pathlib import Path

import pytest
from tests.responses.quarantine import faults
from tests.updates.client.machine import Machine
from tests.updates.client.publisher import Publisher

from freehold.updates.client.refusals import NoRoom, Refusal

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed"),
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
]

STRIDE = 1 if os.environ.get("FREEHOLD_EVERY_CALL") else 9
"""Every so many system calls are tried; all of them take several minutes."""

CHANGING = {"write", "pwrite64", "fsync", "rename", "renameat2", "mkdir", "rmdir", "unlink", "unlinkat", "symlink"}
CHANGING |= {"symlinkat", "link", "linkat", "ftruncate", "chmod", "fchmod"}
"""System calls that change what is on the disk, or make it durable."""


class Place:
    """A machine with release 1, which can be put back, and a publisher that has release 2, or 3 with a new base."""

    def __init__(self, top: Path, monkeypatch: pytest.MonkeyPatch, *, compacts: bool) -> None:
        self.top = top
        self.publisher = Publisher(top / "tree")
        self.publisher.release({"hsb": [f"{1:064x}:1:Test.1"], "fp": [f"{1:032x}:1:Good.1"]})
        self.folder = top / "machine"
        self.machine().update(self.publisher.tree)
        shutil.copytree(self.folder, top / "before", symlinks=True)
        self.publisher.now += 1
        kept = {} if compacts else {"fp": [f"{1:032x}:1:Good.1"]}
        self.publisher.release({"hsb": [f"{2:064x}:2:Test.2"]} | kept)
        monkeypatch.setattr(faults, "main", self._act)

    def machine(self) -> Machine:
        return Machine(self.folder, self.publisher.tree, self.publisher.root_sha256)

    def reset(self) -> None:
        shutil.rmtree(self.folder)
        shutil.copytree(self.top / "before", self.folder, symlinks=True)

    def run(self, *inject: str) -> faults.Outcome:
        return faults.run([], self.top, *inject)

    def check(self) -> int:
        """Return the release in use, whole; the next update must bring the newest, and leave nothing behind."""
        machine = self.machine()
        seq = machine.seq
        assert machine.signatures() == set(self.publisher.states[seq])
        assert machine.store.state().seq in {1, 2}
        machine.update(self.publisher.tree)
        assert machine.signatures() == set(self.publisher.states[2])
        names = {path.name for path in machine.store.folder.iterdir()}
        assert not {name for name in names if name.startswith(".")}
        assert {path.name for path in machine.generations.bases.iterdir()} == {
            one.base for one in machine.generations.all()
        }
        return seq

    def _act(self, _: list[str]) -> int:
        """Update in the fork; returns the status of what is refused."""
        try:
            self.machine().update(self.publisher.tree)
        except NoRoom as error:
            print(error, file=sys.stderr)
            return error.status
        except Refusal as error:
            print(type(error), error, file=sys.stderr)
            return 99
        except Exception:  # noqa: BLE001 - shown by the test
            traceback.print_exc()
            return 98
        return 0


@pytest.fixture(params=[False, True], ids=["overlay", "new base"])
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Place:
    return Place(tmp_path, monkeypatch, compacts=request.param)


def faulty(calls: list[str], place: Place) -> list[tuple[str, int]]:
    places = [(name, number) for name, number in faults.places(calls, place.folder.name) if name in CHANGING]
    switch = next(at for at, (name, _) in enumerate(places) if name.startswith("symlink"))
    return sorted({*places[::STRIDE], *places[switch : switch + 8], *places[-2:]})


def test_the_power_goes_at_any_system_call(place: Place) -> None:
    calls = place.run().calls
    ends = set()
    for name, number in faulty(calls, place):
        place.reset()
        outcome = place.run(f"{name}:signal=KILL:when={number}")
        assert outcome.status in (-9, 0), outcome.errors
        ends.add(place.check())
    assert ends == {1, 2}


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_the_disk_fails_at_any_system_call(place: Place, error: str) -> None:
    calls = place.run().calls
    statuses = set()
    for name, number in faulty(calls, place):
        if error == "ENOSPC" and name not in faults.NEEDING_ROOM:
            continue
        place.reset()
        outcome = place.run(f"{name}:error={error}:when={number}")
        assert outcome.status in (0, NoRoom.status), outcome.errors
        statuses.add(outcome.status)
        place.check()
    assert NoRoom.status in statuses
    assert os.path.lexists(place.folder)
