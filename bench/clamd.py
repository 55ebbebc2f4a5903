"""Both sides running: ``clamd`` with ``clamdscan``, and a pool of Freehold's own."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 300.0
"""Seconds that ``clamd`` gets to load its database."""

_CONFIGURATION = """
LocalSocket {folder}/clamd.socket
DatabaseDirectory {database}
TemporaryDirectory {folder}
PidFile {folder}/clamd.pid
LogFile {folder}/clamd.log
Foreground yes
User {user}
MaxThreads {threads}
MaxFileSize 2000M
MaxScanSize 4000M
StreamMaxLength 2000M
SelfCheck 0
"""


class NotRunning(Exception):
    """``clamd`` is not installed, or did not start."""


class Daemon:
    """A running ``clamd``; ``socket`` is where it listens."""

    def __init__(self, folder: Path) -> None:
        self._configuration = folder / "clamd.conf"
        self.socket = folder / "clamd.socket"

    def scan(self, target: Path) -> float:
        """Scan a folder with all threads; returns seconds."""
        command = ["clamdscan", f"--config-file={self._configuration}", "--fdpass", "--multiscan", "--no-summary", "-i"]
        started = time.perf_counter()
        done = subprocess.run([*command, str(target)], check=False, capture_output=True, text=True)
        seconds = time.perf_counter() - started
        if done.returncode > 1:
            raise NotRunning(f"clamdscan failed: {done.stderr or done.stdout}")
        return seconds


@contextmanager
def running(database: Path, work: Path) -> Iterator[Daemon]:
    """Run ``clamd`` with a folder of signatures, and end it."""
    if not shutil.which("clamd") or not shutil.which("clamdscan"):
        raise NotRunning("clamd and clamdscan are missing: install clamav-daemon, or leave 'cores' out of --only")
    with tempfile.TemporaryDirectory(prefix="clamd-", dir=work) as name:
        folder = Path(name)
        user = "root" if os.geteuid() == 0 else os.environ.get("USER", "nobody")
        threads = len(os.sched_getaffinity(0))
        text = _CONFIGURATION.format(folder=folder, database=database, user=user, threads=threads)
        (folder / "clamd.conf").write_text(text)
        with subprocess.Popen(
            ["clamd", f"--config-file={folder / 'clamd.conf'}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                _await(process, folder)
                yield Daemon(folder)
            finally:
                process.terminate()


def _await(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not (folder / "clamd.socket").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            log = folder / "clamd.log"
            raise NotRunning(f"clamd did not start: {log.read_text()[-400:] if log.exists() else 'it left no log'}")
        time.sleep(0.1)


def pool_scan(bundle: Path, target: Path) -> float:
    """Scan a folder with a pool of workers on all cores that have begun before; returns seconds."""
    from freehold.service.pool import Pool
    from freehold.service.walk import Walk, WalkOptions

    with Pool([bundle]) as pool:
        for _ in pool.scan(Walk(WalkOptions()).entries([os.fsencode(bundle / "manifest.json")] * 4)):
            pass  # workers start with the first files
        started = time.perf_counter()
        for _ in pool.scan(Walk(WalkOptions()).entries([os.fsencode(target)])):
            pass
        return time.perf_counter() - started
