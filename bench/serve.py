"""``freehold serve`` beside ``clamd`` with the same signatures: INSTREAM of small mixed files by parallel clients.

    python bench/serve.py main.ldb main.hdb
    python bench/serve.py main.ldb --files 5000 --clients 16
    python bench/serve.py main.ldb --small

Each client is a process that opens a connection for each file, as mail filters do. Both daemons are warm: every client
asks once before the clock starts. No content comes twice: both daemons remember contents. Prints requests a second,
quantiles of the time to an answer, and the processor time of all processes of a daemon for each request, which says
more than the rest when the machine is busy.
"""

import argparse
import multiprocessing
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import clamd

FREEHOLD = shutil.which("freehold") or str(Path(sys.executable).with_name("freehold"))


def contents(count: int) -> list[bytes]:
    """Files of this machine's documentation, libraries and scripts, chosen at random but always alike.

    Test files of scanners are left out: packed programs and broken archives are not what mail consists of.
    """
    roots = (Path("/usr/share"), Path("/usr/lib"), Path("/etc"))
    found = sorted(p for root in roots for p in root.glob("**/*") if p.is_file() and not p.is_symlink())
    found = [path for path in found if 0 < path.stat().st_size < 200_000 and os.access(path, os.R_OK)]
    found = [path for path in found if "clamav" not in os.fspath(path)]
    chosen = random.Random(5).sample(found, min(2 * count, len(found)))  # noqa: S311 - no secret
    return list(dict.fromkeys(path.read_bytes() for path in chosen))[:count]


def small(count: int) -> list[bytes]:
    """Return contents of some fifty bytes."""
    return [b"a small file with number %d, and nothing in it\n" % number for number in range(count)]


def client(path: str, files: list[bytes], start: object, results: object) -> None:
    ask(path, b"warm")
    start.wait()  # type: ignore[attr-defined]
    times = []
    for content in files:
        began = time.perf_counter()
        answer = ask(path, content)
        times.append(time.perf_counter() - began)
        if not answer.endswith((b": OK\0", b" FOUND\0", b" ERROR\0")):
            sys.exit(f"unexpected answer: {answer!r}")
    results.put(times)  # type: ignore[attr-defined]


def ask(path: str, content: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(b"zINSTREAM\0" + struct.pack(">I", len(content)) + content + bytes(4))
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
        return answer


def processor_seconds(pid: int) -> float:
    """Return what a process, all below it, and those of them that have ended have taken."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK") + sum(map(processor_seconds, map(int, children)))


def measure(path: Path, pid: int, files: list[bytes], clients: int) -> str:
    start, results = multiprocessing.Barrier(clients + 1), multiprocessing.Queue()
    shares = [files[number::clients] for number in range(clients)]
    processes = [multiprocessing.Process(target=client, args=(str(path), s, start, results)) for s in shares]
    for process in processes:
        process.start()
    start.wait()
    taken = processor_seconds(pid)
    began = time.perf_counter()
    times = sorted(seconds for _ in processes for seconds in results.get())
    elapsed = time.perf_counter() - began
    taken = processor_seconds(pid) - taken
    for process in processes:
        process.join()
    median, late = (times[int(len(times) * share)] * 1e3 for share in (0.5, 0.99))
    each = taken / len(times) * 1e3
    return f"{len(times) / elapsed:,.0f} requests/s | {median:.1f} ms | {late:.1f} ms | {each:.2f} ms"


@contextmanager
def freehold(database: Path, folder: Path) -> Iterator[tuple[Path, int]]:
    path = folder / "freehold.socket"
    with subprocess.Popen([FREEHOLD, "serve", "--socket", path, "--database", database]) as process:
        try:
            for _ in range(3000):
                if path.exists():
                    break
                time.sleep(0.1)
            ask(str(path), b"is it ready?")
            yield path, process.pid
        finally:
            process.send_signal(signal.SIGTERM)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", type=Path, nargs="+", help="ClamAV signature files")
    parser.add_argument("--files", type=int, default=2000, help="default: %(default)s")
    parser.add_argument("--clients", type=int, default=16, help="default: %(default)s")
    parser.add_argument("--small", action="store_true", help="contents of fifty bytes")
    args = parser.parse_args()
    files = small(args.files) if args.small else contents(args.files)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = folder / "database"
        database.mkdir()
        for source in args.database:
            (database / source.name).symlink_to(source.resolve())
        print(f"{len(files)} files, {sum(map(len, files)) / 1e6:.1f} MB, {args.clients} clients\n")
        print("| | INSTREAM | median | 99 % | processor time each |\n|---|---|---|---|---|", flush=True)
        with clamd.running(database, folder) as daemon:
            pid = int(daemon.socket.with_name("clamd.pid").read_text())
            print(f"| clamd | {measure(daemon.socket, pid, files, args.clients)} |", flush=True)
        with freehold(database, folder) as (path, pid):
            print(f"| freehold serve | {measure(path, pid, files, args.clients)} |", flush=True)


if __name__ == "__main__":
    try:
        main()
    except (OSError, clamd.NotRunning) as error:
        sys.exit(str(error))
