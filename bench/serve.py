"""``freehold serve`` beside ``clamd`` with the same signatures: INSTREAM of small mixed files by parallel clients.

    python bench/serve.py main.ldb main.hdb
    python bench/serve.py main.ldb --files 5000 --clients 16

Each client is a process that opens a connection for each file, as mail filters do. Both daemons are warm: every client
asks once before the clock starts. Prints requests a second and quantiles of the time to an answer.
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
    """Files of this machine's documentation, libraries and scripts, chosen at random but always alike."""
    roots = (Path("/usr/share"), Path("/usr/lib"), Path("/etc"))
    found = sorted(p for root in roots for p in root.glob("*/*") if p.is_file() and not p.is_symlink())
    found = [path for path in found if 0 < path.stat().st_size < 200_000 and os.access(path, os.R_OK)]
    chosen = random.Random(5).choices(found, k=count)  # noqa: S311 - no secret
    return [path.read_bytes() for path in chosen]


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


def measure(path: Path, files: list[bytes], clients: int) -> str:
    start, results = multiprocessing.Barrier(clients + 1), multiprocessing.Queue()
    shares = [files[number::clients] for number in range(clients)]
    processes = [multiprocessing.Process(target=client, args=(str(path), s, start, results)) for s in shares]
    for process in processes:
        process.start()
    start.wait()
    began = time.perf_counter()
    times = sorted(seconds for _ in processes for seconds in results.get())
    elapsed = time.perf_counter() - began
    for process in processes:
        process.join()
    median, late = (times[int(len(times) * share)] * 1e3 for share in (0.5, 0.99))
    return f"{len(times) / elapsed:,.0f} requests/s | {median:.1f} ms | {late:.1f} ms"


@contextmanager
def freehold(database: Path, folder: Path) -> Iterator[Path]:
    path = folder / "freehold.socket"
    with subprocess.Popen([FREEHOLD, "serve", "--socket", path, "--database", database]) as process:
        try:
            for _ in range(3000):
                if path.exists():
                    break
                time.sleep(0.1)
            ask(str(path), b"is it ready?")
            yield path
        finally:
            process.send_signal(signal.SIGTERM)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", type=Path, nargs="+", help="ClamAV signature files")
    parser.add_argument("--files", type=int, default=2000, help="default: %(default)s")
    parser.add_argument("--clients", type=int, default=16, help="default: %(default)s")
    args = parser.parse_args()
    files = contents(args.files)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = folder / "database"
        database.mkdir()
        for source in args.database:
            (database / source.name).symlink_to(source.resolve())
        print(f"{len(files)} files, {sum(map(len, files)) / 1e6:.1f} MB, {args.clients} clients\n")
        print("| | INSTREAM | median | 99 % |\n|---|---|---|---|", flush=True)
        with clamd.running(database, folder) as daemon:
            print(f"| clamd | {measure(daemon.socket, files, args.clients)} |", flush=True)
        with freehold(database, folder) as path:
            print(f"| freehold serve | {measure(path, files, args.clients)} |", flush=True)


if __name__ == "__main__":
    try:
        main()
    except (OSError, clamd.NotRunning) as error:
        sys.exit(str(error))
