"""Whatever happens at whichever system call: a file is in one place, and ``freehold quarantine list`` says which."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.responses.quarantine import faults
from tests.responses.quarantine.conftest import MARKER, read_quietly

from freehold.model.report import Detection, Report
from freehold.responses.quarantine.restoring import Restorer
from freehold.responses.quarantine.settling import settled
from freehold.responses.quarantine.taking import take
from freehold.responses.quarantine.vault import ITEMS, Vault

REPORT = Report(detections=[Detection("Test.Marker", "bad", 0, 1, "marker.hdb:1")])

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed"),
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
]

List = Callable[[], list[dict[str, Any]]]

SHARES = 3
"""Tests that share the system calls of one command, so that they can run side by side."""


class Place:
    """A file in a folder of its own, a vault, and what moves the file from one to the other."""

    def __init__(self, top: Path, database: Path) -> None:
        self.top = top
        self.vault = top / "vault"
        self.file = top / "folder" / "bad"
        self.file.parent.mkdir()
        self.file.write_bytes(MARKER)
        os.setxattr(self.file, "user.origin", b"\0somewhere")
        os.utime(self.file, ns=(1_111_111_111_222_222_222, 999_999_999_888_888_888))
        self.file.chmod(0o640)
        self.before = status(self.file)
        options = ["--vault", self.vault, "--database", database, "--no-history", "--no-cache", "--breaker", "off"]
        self.take = ["scan", "--quarantine", *options, self.file]
        self.restore = ["quarantine", "restore", "--all", "--vault", self.vault]

    def check(self, listed: List) -> bool:
        """Return whether the file is in the vault; it must be whole, in one place, and nothing may be left over."""
        items = listed() if self.vault.exists() else []
        for state in ("taking", "restoring", "trash"):
            assert not self.vault.exists() or not list((self.vault / state).iterdir())
        names = [path.name for path in self.file.parent.iterdir()]
        assert (names, len(items)) in ((["bad"], 0), ([], 1))
        if names:
            assert read_quietly(self.file) == MARKER
            assert status(self.file) == self.before
        return bool(items)

    def bring(self, *, into_vault: bool) -> None:
        """Have the file where it should be for the next run."""
        vault = Vault(self.vault)
        if into_vault:
            fd = os.open(self.file, os.O_RDONLY | os.O_NOATIME)
            try:
                take(vault, fd, bytes(self.file), REPORT)
            finally:
                os.close(fd)
            return
        with settled(vault):
            items = [vault.item(identifier) for identifier in vault.identifiers(ITEMS)]
        with Restorer(vault, items) as restorer:
            for item in items:
                restorer.restore(item)


def status(path: Path) -> tuple[int | bytes, ...]:
    found = path.stat()
    times = found.st_atime_ns, found.st_mtime_ns
    return found.st_mode, found.st_uid, found.st_gid, found.st_nlink, *times, os.getxattr(path, "user.origin")


@pytest.fixture
def place(tmp_path: Path, database: Path) -> Place:
    return Place(tmp_path, database)


@pytest.mark.parametrize("share", range(SHARES))
def test_a_scan_that_is_killed_at_any_system_call(place: Place, listed: List, share: int) -> None:
    calls = faults.run(place.take, place.top).calls
    place.bring(into_vault=False)
    ends = set()
    for name, number in faults.places(calls, "vault")[share::SHARES]:
        shutil.rmtree(place.vault, ignore_errors=True)
        outcome = faults.run(place.take, place.top, f"{name}:signal=KILL:when={number}")
        assert outcome.status in (-9, 1), outcome.errors
        is_taken = place.check(listed)
        ends.add((outcome.status, is_taken))
        if is_taken:
            place.bring(into_vault=False)
            assert not place.check(listed)
    assert ends >= {(-9, False), (-9, True)}


@pytest.mark.parametrize("share", range(SHARES))
def test_a_restore_that_is_killed_at_any_system_call(place: Place, listed: List, share: int) -> None:
    place.bring(into_vault=True)
    calls = faults.run(place.restore, place.top).calls
    ends = set()
    for name, number in faults.places(calls, "vault")[share::SHARES]:
        if not place.check(listed):
            place.bring(into_vault=True)
        outcome = faults.run(place.restore, place.top, f"{name}:signal=KILL:when={number}")
        assert outcome.status in (-9, 0), outcome.errors
        ends.add((outcome.status, place.check(listed)))
    assert ends >= {(-9, False), (-9, True)}


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
@pytest.mark.parametrize("into_vault", [True, False], ids=["take", "restore"])
def test_an_error_at_any_system_call_that_touches_files(
    place: Place, listed: List, error: str, into_vault: bool
) -> None:
    """The command says what is wrong, and the file is where it was, or where it was to go."""
    arguments = place.take if into_vault else place.restore
    if not into_vault:
        place.bring(into_vault=True)
    calls = faults.run(arguments, place.top).calls
    ends = set()
    for name, number in faults.places(calls, "vault"):
        if name in faults.NOT_OF_FILES or (error == "ENOSPC" and name not in faults.NEEDING_ROOM):
            continue
        if place.check(listed) is into_vault:
            place.bring(into_vault=not into_vault)
        outcome = faults.run(arguments, place.top, f"{name}:error={error}:when={number}")
        assert outcome.status in (0, 1, 2, 3, 4), outcome.errors
        assert "internal error" not in outcome.errors
        assert "Traceback" not in outcome.errors
        ends.add(place.check(listed))
    assert ends == {True, False}


def test_where_there_are_no_files_without_a_name(place: Place, listed: List) -> None:
    """A file system that has none is played by strace; then a restore is killed at every call after that."""
    place.bring(into_vault=True)
    calls = faults.run(place.restore, place.top).calls
    number = 1 + sum(call.startswith("openat(") for call in calls[: faults.number_of(calls, "O_TMPFILE")])
    without = f"openat:error=EOPNOTSUPP:when={number}"
    place.bring(into_vault=True)
    calls = faults.run(place.restore, place.top, without).calls
    assert not place.check(listed)
    ends = set()
    for name, at in faults.places(calls, "O_TMPFILE"):
        if name == "openat":  # strace takes one fault for each system call
            continue
        if not place.check(listed):
            place.bring(into_vault=True)
        faults.run(place.restore, place.top, without, f"{name}:signal=KILL:when={at}")
        ends.add(place.check(listed))
    assert ends == {True, False}
