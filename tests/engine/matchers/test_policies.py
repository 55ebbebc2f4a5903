"""Prohibited products in what artifacts say of their system."""

import io
import tarfile
from pathlib import Path

import pytest
from tests.formats.signing import RSA, Signing
from tests.signatures.languages.test_policy import PACK

from freehold.bundle import Bundle
from freehold.engine.matchers import load
from freehold.engine.scan import Engine
from freehold.model.limits import Limits
from freehold.model.report import Report, Verdict
from freehold.model.view import BytesView
from freehold.signatures.compile import build

STATUS = b"""\
Package: libtool
Status: install ok installed
Version: 2.4

Package: tool
Status: %s
Version: 1:7.0
Description: a text that names engine.dll
 and Package: nothing
"""


def examine(tmp_path: Path, files: dict[str, bytes], *, weak: bool = True) -> Report:
    (tmp_path / "own.policy").write_text(PACK)
    build([tmp_path / "own.policy"], tmp_path / "own.fhdb", weak=weak)
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    engine = Engine(load([Bundle.open(tmp_path / "own.fhdb")]))
    return engine.examine(BytesView(data.getvalue()), "system.tar", Limits(), all_matches=True)


def test_an_installed_package_is_found_with_its_evidence(tmp_path: Path) -> None:
    report = examine(tmp_path, {"var/lib/dpkg/status": STATUS % b"install ok installed"})
    (found,) = report.detections
    assert (found.name, found.category, found.verdict) == ("own/tool", "product", Verdict.PROHIBITED)
    assert found.evidence == b"tool 1:7.0, installed"
    assert found.artifact == "system.tar ▸ var/lib/dpkg/status"
    assert found.source == "own.policy:31"


@pytest.mark.parametrize("state", [b"hold ok installed", b"install ok half-installed", b"deinstall ok half-configured"])
def test_what_is_not_wholly_gone_counts(tmp_path: Path, state: bytes) -> None:
    assert examine(tmp_path, {"./var/lib/dpkg/status": STATUS % state}).verdict is Verdict.PROHIBITED


def test_configuration_that_was_left_behind_is_a_weak_sign(tmp_path: Path) -> None:
    report = examine(tmp_path, {"./var/lib/dpkg/status": STATUS % b"deinstall ok config-files"})
    assert report.verdict is Verdict.SUSPICIOUS


def test_what_was_left_behind_does_not_hide_what_is_installed(tmp_path: Path) -> None:
    both = STATUS % b"deinstall ok config-files" + b"\n" + STATUS % b"install ok installed"
    found = examine(tmp_path, {"./var/lib/dpkg/status": both}).detections
    assert [detection.verdict for detection in found] == [Verdict.SUSPICIOUS, Verdict.PROHIBITED]


def test_look_alikes_do_not_fire(tmp_path: Path) -> None:
    files = {
        "var/lib/dpkg/status": STATUS % b"purge ok not-installed",
        "home/user/status": STATUS % b"install ok installed",
        "opt/engine.dll.txt": b"x",
        "notes.txt": b"tool is prohibited; engine.dll",
    }
    assert examine(tmp_path, files).detections == []


def test_a_weak_indicator_says_look_here_and_only_where_it_was_asked_for(tmp_path: Path) -> None:
    files = {"Program Files\\Other\\Engine.DLL": b"x"}
    (found,) = examine(tmp_path, files).detections
    assert (found.name, found.category, found.verdict) == ("own/engine", "embedded", Verdict.SUSPICIOUS)
    assert examine(tmp_path, files, weak=False).verdict is Verdict.CLEAN


def test_a_program_of_a_prohibited_publisher_is_found_by_its_signature(tmp_path: Path) -> None:
    signing = Signing(tmp_path)
    signing.self_signed("own", *RSA, subject="/O=Tool Makers Ltd./CN=Somebody")
    program = signing.sign("own")
    policy = PACK.replace('kind = "package", value = "tool"', 'kind = "publisher", value = "tool makers*"')
    assert policy != PACK
    (tmp_path / "own.policy").write_text(policy)
    build([tmp_path / "own.policy"], tmp_path / "own.fhdb")
    engine = Engine(load([Bundle.open(tmp_path / "own.fhdb")]))
    changed = program[:0x500] + b"!" + program[0x501:]
    for content, proof in ((program, b"valid, self-signed"), (changed, b"not valid: the file was changed")):
        (found,) = engine.examine(BytesView(content), "setup.bin", Limits(), all_matches=True).detections
        assert (found.name, found.verdict) == ("own/tool", Verdict.PROHIBITED)
        assert found.evidence.startswith(b"Tool Makers Ltd. " + proof)
    plain = (tmp_path / "plain.exe").read_bytes()
    assert not engine.examine(BytesView(plain), "setup.bin", Limits()).detections
