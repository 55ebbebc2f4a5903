"""Samba's module asks the daemon about files that are written and opened."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.frontends.clamd.conftest import MARKER, Running
from tests.frontends.servers import Process, server

FOLDERS = ("private", "lock", "state", "cache", "run", "share", "quarantine")
CONFIGURATION = """
[global]
 server role = standalone server
 smb ports = {port}
 interfaces = lo
 bind interfaces only = yes
 private dir = {folder}/private
 lock directory = {folder}/lock
 state directory = {folder}/state
 cache directory = {folder}/cache
 pid directory = {folder}/run
 ncalrpc dir = {folder}/run/ncalrpc
 log file = {folder}/log
 map to guest = Bad User
 guest account = root
 disable spoolss = yes
[share]
 path = {folder}/share
 guest ok = yes
 read only = no
 vfs objects = virusfilter
 virusfilter:scanner = clamav
 virusfilter:socket path = {socket}
 virusfilter:scan on open = yes
 virusfilter:scan on close = yes
 virusfilter:infected file action = quarantine
 virusfilter:quarantine directory = {folder}/quarantine
 virusfilter:block access on error = yes
"""


class Share(NamedTuple):
    """A share of a server."""

    port: int
    folder: Path

    def do(self, *commands: str) -> str:
        command = [
            "smbclient",
            "-s",
            "/dev/null",
            "-p",
            str(self.port),
            "-N",
            "//127.0.0.1/share",
            "-c",
            "; ".join(commands),
        ]
        done = subprocess.run(command, capture_output=True, check=False, timeout=60, text=True)
        return done.stdout + done.stderr


@pytest.fixture
def share(daemon: Running) -> Iterator[Share]:
    if not (shutil.which("smbd") and shutil.which("smbclient")) or os.geteuid() != 0:
        pytest.skip("Samba is not installed, or the tests do not run as root, which it needs")
    if not list(Path("/usr/lib").glob("*/samba/vfs/virusfilter.so")):
        pytest.skip("Samba's module virusfilter is not installed")
    with tempfile.TemporaryDirectory(prefix="samba-") as name:
        folder = Path(name)
        for below in FOLDERS:
            (folder / below).mkdir()

        def start(ports: list[int]) -> Process:
            text = CONFIGURATION.format(port=ports[0], folder=folder, socket=daemon.path)
            (folder / "smb.conf").write_text(text)
            command = ["smbd", "-F", "--no-process-group", "-s", folder / "smb.conf"]
            return subprocess.Popen(  # at its end it ends its whole group of processes
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
            )

        with server(1, start, folder / "log") as (port,):
            yield Share(port, folder)


def test_samba(share: Share, tmp_path: Path, encrypted: bytes) -> None:
    for name, content in {"clean": b"clean", "infected": MARKER, "encrypted": encrypted}.items():
        (tmp_path / name).write_bytes(content)
        share.do(f"lcd {tmp_path}", f"put {name}")
    (share.folder / "share/planted").write_bytes(MARKER)
    assert "NT_STATUS" not in share.do(f"lcd {tmp_path}", "get clean back")
    assert (tmp_path / "back").read_bytes() == b"clean"
    assert "NT_STATUS_OBJECT_NAME_NOT_FOUND" in share.do("get infected /dev/null")
    assert "NT_STATUS_ACCESS_DENIED" in share.do("get encrypted /dev/null")
    assert "NT_STATUS" in share.do("get planted /dev/null")
    assert sorted(path.name for path in (share.folder / "share").iterdir()) == ["clean", "encrypted"]
    kept = [path for path in (share.folder / "quarantine").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in kept] == [MARKER, MARKER]
