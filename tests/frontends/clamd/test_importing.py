"""``freehold config import``: clamd's configuration becomes one that Freehold takes."""

from pathlib import Path

from tests.frontends.conftest import Run

CONFIGURATION = """\
# a comment
LocalSocket /run/clamav/clamd.ctl
LocalSocketMode 666
TCPSocket 3310
TCPAddr 127.0.0.1
StreamMaxLength 25M
MaxThreads 12
MaxScanTime 120000
DatabaseDirectory "/var/lib/clamav"
DetectPUA yes
CrossFilesystems false
MaxRecursion 0
LogFile /var/log/clamav/clamav.log
"""


def test_what_is_imported_is_a_configuration(freehold: Run, tmp_path: Path) -> None:
    (tmp_path / "clamd.conf").write_text(CONFIGURATION)
    done = freehold("config", "import", tmp_path / "clamd.conf")
    assert done.returncode == 0
    assert [line.rpartition("clamd.conf:")[2] for line in done.stderr.decode().splitlines()] == [
        "12: MaxRecursion: '0' is not a number above zero: the default stays",
        "13: LogFile: has no counterpart",
    ]
    (tmp_path / "serve.toml").write_bytes(done.stdout)
    assert done.stdout.splitlines()[1:] == [
        b"[serve]",
        b'socket = "/run/clamav/clamd.ctl"',
        b'socket-mode = "666"',
        b'max-stream = "25M"',
        b"jobs = 12",
        b"timeout = 120.0",
        b'database = ["/var/lib/clamav"]',
        b"detect-pua = true",
        b"one-file-system = true",
        b'tcp = ["127.0.0.1:3310"]',
    ]
    checked = freehold("config", "check", tmp_path / "serve.toml")
    assert (checked.returncode, checked.stderr) == (0, b"")


def test_a_socket_for_everybody_is_not_imported_silently(freehold: Run, tmp_path: Path) -> None:
    (tmp_path / "clamd.conf").write_text("TCPSocket 3310\n")
    done = freehold("config", "import", tmp_path / "clamd.conf")
    assert b"tcp" not in done.stdout.splitlines()[-1]
    assert b"all addresses" in done.stderr


def test_a_missing_file_is_an_error(freehold: Run, tmp_path: Path) -> None:
    done = freehold("config", "import", tmp_path / "clamd.conf")
    assert done.returncode == 3
    assert done.stderr.startswith(b"freehold: error: ")
