"""Real clients, pointed at both daemons, come to the same results."""

import io
import os
import shutil
import subprocess
import warnings
from pathlib import Path

import pytest
from tests.frontends.clamd.conftest import Running
from tests.frontends.clamd.test_conversation import official

needs_clamdscan = pytest.mark.skipif(not shutil.which("clamdscan"), reason="clamdscan is not installed")


def clamdscan(daemon: Running, folder: Path, *arguments: str | Path) -> tuple[int, set[bytes]]:
    configuration = folder / "clamdscan.conf"
    configuration.write_text(f"LocalSocket {daemon.path}\nStreamMaxLength 1M\n")
    done = subprocess.run(
        ["clamdscan", f"--config-file={configuration}", "--no-summary", *arguments],
        capture_output=True,
        check=False,
        timeout=60,
    )
    return done.returncode, set(official(done.stdout + done.stderr).splitlines())


@needs_clamdscan
@pytest.mark.parametrize(
    "options",
    [[], ["--stream"], ["--fdpass"], ["--multiscan"], ["--fdpass", "--multiscan"], ["--stream", "--multiscan"]],
    ids=" ".join,
)
def test_clamdscan(freehold_daemon: Running, clamd: Running, files: Path, tmp_path: Path, options: list[str]) -> None:
    for target, status in ((files, 1), (files / "a-clean", 0), (files / "b-one", 1)):
        ours = clamdscan(freehold_daemon, tmp_path, *options, target)
        assert ours == clamdscan(clamd, tmp_path, *options, target)
        assert ours[0] == status


@needs_clamdscan
def test_clamdscan_with_all_matches(freehold_daemon: Running, clamd: Running, files: Path, tmp_path: Path) -> None:
    both = files / "below" / "both"
    ours = clamdscan(freehold_daemon, tmp_path, "--allmatch", both)
    assert ours == clamdscan(clamd, tmp_path, "--allmatch", both)
    assert len(ours[1]) == 2


@needs_clamdscan
def test_clamdscan_pings(freehold_daemon: Running, clamd: Running, tmp_path: Path) -> None:
    for daemon in (freehold_daemon, clamd):
        assert clamdscan(daemon, tmp_path, "--ping", "3:1") == (0, {b"PONG"})


@needs_clamdscan
def test_clamdscan_is_told_that_a_stream_is_too_long(freehold_daemon: Running, clamd: Running, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(2 << 20))
    configured = clamdscan(freehold_daemon, tmp_path, "--stream", large)
    assert configured[0] == clamdscan(clamd, tmp_path, "--stream", large)[0]


def test_the_python_client(freehold_daemon: Running, clamd: Running, files: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports pkg_resources
        library = pytest.importorskip("clamd")

    def results(daemon: Running) -> list[object]:
        client = library.ClamdUnixSocket(os.fspath(daemon.path), timeout=30)
        found = [client.ping()]
        for content in (b"freehold-marker-two", b"clean", b""):
            status, name = client.instream(io.BytesIO(content))["stream"]
            found.append((status, name and name.removesuffix(".UNOFFICIAL")))
        for question in (client.contscan, client.multiscan):
            answers = question(os.fspath(files))
            found.append({path: (status, name.removesuffix(".UNOFFICIAL")) for path, (status, name) in answers.items()})
        return found

    ours = results(freehold_daemon)
    assert ours == results(clamd)
    assert ours[1] == ("FOUND", "Test.Two")
