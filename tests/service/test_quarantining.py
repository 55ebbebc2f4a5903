"""What the breaker lets through."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from freehold.model.report import Detection, Outcome, Report, Verdict
from freehold.responses.quarantine.vault import Vault
from freehold.service.entry import Finished
from freehold.service.packages.known import unmodified
from freehold.service.quarantining import MOST_HELD, Breaker, Quarantine


def finished(path: Path, signature: str = "", verdict: Verdict = Verdict.INFECTED) -> Finished:
    detections = [Detection(signature, path.name, 0, 1, "x:1", verdict=verdict)] if signature else []
    fd = os.open(path, os.O_RDONLY)
    return Finished(bytes(path), Report(1, "text", detections=detections), fd, os.fstat(fd))


def outcomes(tmp_path: Path, signatures: list[str], breaker: Breaker | None) -> list[list[Outcome]]:
    """Have files with these detections scanned and return what was done with each, in the order of the files."""
    paths = [tmp_path / f"{number:04}" for number in range(len(signatures))]

    def scan() -> Iterator[Finished]:
        for path, signature in zip(paths, signatures, strict=True):
            path.write_text(path.name)
            item = finished(path, signature)
            try:
                yield item
            finally:
                assert item.fd is not None
                os.close(item.fd)

    seen: dict[bytes, list[Outcome]] = {}
    quarantine = Quarantine(Vault(tmp_path / "vault"), breaker, lambda: len(seen))
    for item in quarantine.applied(scan()):
        seen[item.path] = [action.outcome for action in item.report.actions]
        assert Path(os.fsdecode(item.path)).exists() is (Outcome.QUARANTINED not in seen[item.path])
    return [seen[bytes(path)] for path in paths]


TAKEN, HELD = [Outcome.QUARANTINED], [Outcome.HELD_BACK]


def test_a_signature_that_hits_too_many_files_takes_none_and_the_others_go_on(tmp_path: Path) -> None:
    done = outcomes(tmp_path, ["Wrong"] * 4 + ["Right", ""], Breaker(files=3))
    assert done == [HELD] * 4 + [TAKEN, []]


def test_as_many_as_are_allowed_are_taken(tmp_path: Path) -> None:
    assert outcomes(tmp_path, ["Right"] * 3, Breaker(files=3, share=1)) == [TAKEN] * 3


def test_a_share_counts_only_when_the_number_says_something(tmp_path: Path) -> None:
    breaker = Breaker(files=100, share=0.5)
    assert outcomes(tmp_path / "a", [], breaker) == []
    (tmp_path / "b").mkdir()
    assert outcomes(tmp_path / "b", ["One"] * 10, breaker) == [TAKEN] * 10
    (tmp_path / "c").mkdir()
    assert outcomes(tmp_path / "c", ["One"] * 11 + [""] * 5, breaker) == [HELD] * 11 + [[]] * 5
    (tmp_path / "d").mkdir()
    assert outcomes(tmp_path / "d", ["One"] * 11 + [""] * 15, breaker) == [TAKEN] * 11 + [[]] * 15


def test_without_a_breaker_every_file_is_taken(tmp_path: Path) -> None:
    assert outcomes(tmp_path, ["One"] * 40, None) == [TAKEN] * 40


def test_more_than_can_be_held_are_left(tmp_path: Path) -> None:
    signatures = [f"S{number}" for number in range(MOST_HELD + 5)]
    assert outcomes(tmp_path, signatures, Breaker()) == [HELD] * len(signatures)


def test_only_infected_files_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    items = [finished(path, "S", Verdict.SUSPICIOUS), finished(path, "P", Verdict.PROHIBITED)]
    quarantine = Quarantine(Vault(tmp_path / "vault"), None, lambda: 0)
    assert [item.report.actions for item in quarantine.applied(iter(items))] == [[], []]
    assert path.exists()
    for item in items:
        os.close(item.fd or -1)


def test_what_is_held_when_a_scan_is_interrupted_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    item = finished(path, "S")

    def interrupted() -> Iterator[Finished]:
        yield item
        raise KeyboardInterrupt

    quarantine = Quarantine(Vault(tmp_path / "vault"), Breaker(), lambda: 0)
    with pytest.raises(KeyboardInterrupt):
        list(quarantine.applied(interrupted()))
    (left,) = quarantine.release("the scan was interrupted")
    assert [action.outcome for action in left.report.actions] == HELD
    assert path.exists()
    os.close(item.fd or -1)


@pytest.mark.skipif(not shutil.which("dpkg-query"), reason="dpkg is not installed")
def test_a_file_of_a_package_is_known_as_long_as_it_is_unmodified(tmp_path: Path) -> None:
    said = subprocess.run(["dpkg-query", "-S", "/usr/bin/dpkg-query"], capture_output=True, text=True, check=True)
    copy = tmp_path / "copy"
    shutil.copy("/usr/bin/dpkg-query", copy)
    genuine, changed = os.open("/usr/bin/dpkg-query", os.O_RDONLY), os.open(copy, os.O_RDONLY)
    try:
        assert unmodified({genuine: b"/usr/bin/dpkg-query"}) == {genuine: said.stdout.partition(":")[0]}
        with copy.open("ab") as file:
            file.write(b"x")
        assert unmodified({changed: b"/usr/bin/dpkg-query"}) == {}
        assert unmodified({changed: bytes(copy)}) == {}
    finally:
        os.close(genuine)
        os.close(changed)


SPEC = """\
Name: marker
Version: 1
Release: 1
Summary: A marker
License: MIT
BuildArch: noarch
%description
A marker.
%install
mkdir -p %{buildroot}/opt/marker
echo harmless > %{buildroot}/opt/marker/file
%files
/opt/marker/file
"""


@pytest.mark.skipif(not shutil.which("rpmbuild") or os.geteuid() != 0, reason="needs rpmbuild, and root to install")
def test_rpm_knows_its_files_too(tmp_path: Path) -> None:
    (tmp_path / "marker.spec").write_text(SPEC)
    build = ["rpmbuild", "-bb", "--define", f"_topdir {tmp_path}/build", tmp_path / "marker.spec"]
    subprocess.run(build, capture_output=True, check=True)
    (package,) = (tmp_path / "build").rglob("*.rpm")
    root = tmp_path / "root"
    install = ["rpm", "--root", root, "--define", "_db_backend sqlite", "--dbpath", "/var/lib/rpm"]
    subprocess.run([*install, "--initdb"], capture_output=True, check=True)
    subprocess.run([*install, "--nodeps", "-i", package], capture_output=True, check=True)
    if not (root / "var/lib/rpm/rpmdb.sqlite").exists():
        pytest.skip("this rpm keeps another kind of database")
    fd = os.open(root / "opt/marker/file", os.O_RDONLY)
    try:
        assert unmodified({fd: b"/opt/marker/file"}, root) == {fd: "marker"}
        (root / "opt/marker/file").write_text("modified")
        assert unmodified({fd: b"/opt/marker/file"}, root) == {}
    finally:
        os.close(fd)
