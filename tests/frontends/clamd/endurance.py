"""A daemon under load whose processes are killed at random: right answers or honest errors, and nothing leaks.

    python -m tests.frontends.clamd.endurance --seconds 300

Clients send streams, descriptors, sessions and folders, and some of them hang up in the middle; meanwhile workers,
their parent and clerks are killed, databases are loaded anew, and garbage is sent to the sockets. In the end the
daemon must have as many descriptors and children as in the beginning, next to the same memory, and no file left in its
folder.
"""

import argparse
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.frontends.clamd.conftest import Running, await_line, everything, stream

MARKER = b"freehold-marker-one"
CLIENTS = 8
LARGE = 100_000
"""Bytes of a content that goes to disk."""

CLERKS = 16
"""Clerks that a daemon may have."""

_PATIENCE = 120.0


class Leaks(NamedTuple):
    """What a daemon holds.

    Attributes:
        descriptors: open files of the supervisor.
        children: processes below it.
        memory: private memory of the supervisor, in bytes.
        files: names in its folder for temporary files.
    """

    descriptors: int
    children: int
    memory: int
    files: list[str]


class Outcome(NamedTuple):
    """What a run came to.

    Attributes:
        answers: how many of each kind.
        kills: how many of each kind.
        wrong: answers that must not be.
        before: what the daemon held in the beginning.
        after: and in the end.
    """

    answers: Counter[str]
    kills: Counter[str]
    wrong: list[str]
    before: Leaks
    after: Leaks


def endure(daemon: Running, folder: Path, spool: Path, seconds: float, seed: int) -> Outcome:
    """Run clients and accidents for so many seconds."""
    _settle(daemon)
    before = _held(daemon, spool)
    run = _Run(daemon, folder, seed)
    threads = [threading.Thread(target=run.client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        run.break_things(seconds)
    finally:
        run.stop.set()
        for thread in threads:
            thread.join()
    after = _calmed(daemon, spool, before)
    return Outcome(run.answers, run.kills, run.wrong, before, after)


class _Run:
    def __init__(self, daemon: Running, folder: Path, seed: int) -> None:
        self.stop = threading.Event()
        self.answers: Counter[str] = Counter()
        self.kills: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._daemon = daemon
        self._folder = folder
        self._seed = seed

    def client(self, number: int) -> None:
        random_ = random.Random(self._seed * 100 + number)
        asks = (self._stream, self._stream, self._stream, self._descriptor, self._session, self._tree, self._hang_up)
        counter = 0
        while not self.stop.is_set():
            counter += 1
            ask = random_.choice(asks)
            try:
                ask(random_, b"%d %d " % (number, counter))
            except OSError as error:
                self.wrong.append(f"{ask.__name__}: {error!r}")
                return

    def _stream(self, random_: random.Random, unique: bytes) -> None:
        content, infected = _content(random_, unique)
        chunks = [content[start : start + 30_000] for start in range(0, len(content), 30_000)]
        self._judge(self._daemon.ask(b"zINSTREAM\0", stream(*chunks)).split(b": ", 1)[-1], infected)

    def _descriptor(self, random_: random.Random, unique: bytes) -> None:
        content, infected = _content(random_, unique)
        with tempfile.TemporaryFile() as file, self._daemon.connect() as connection:
            file.write(content)
            file.flush()
            connection.sendall(b"zFILDES\0")
            socket.send_fds(connection, [b"\0"], [file.fileno()])
            self._judge(everything(connection).split(b": ", 1)[-1], infected)

    def _session(self, random_: random.Random, unique: bytes) -> None:
        wanted = [_content(random_, unique + b"%d " % number) for number in range(5)]
        question = b"".join(b"zINSTREAM\0" + stream(content) for content, _ in wanted)
        answer = self._daemon.ask(b"zIDSESSION\0" + question + b"zEND\0")
        numbered = dict(one.split(b": stream: ", 1) for one in answer.split(b"\0")[:-1])
        for number, (_, infected) in enumerate(wanted, 1):
            self._judge(numbered.get(b"%d" % number, b"nothing") + b"\0", infected)

    def _tree(self, random_: random.Random, unique: bytes) -> None:
        infected = random_.random() < 0.5
        answer = self._daemon.ask(b"zCONTSCAN %s\0" % os.fsencode(self._folder / ("one" if infected else "none")))
        kinds = {word for word in (b" FOUND\0", b" ERROR\0", b": OK\0") if word in answer}
        if (
            not kinds
            or (b": OK\0" in kinds and (infected or len(kinds) > 1))
            or (not infected and b" FOUND\0" in kinds)
        ):
            self.wrong.append(f"folder {infected}: {answer!r}")
        self.answers["folder"] += 1

    def _hang_up(self, random_: random.Random, unique: bytes) -> None:
        """Leave in the middle of something, or say what nobody understands."""
        pieces = (
            b"zINSTREAM\0" + (1000).to_bytes(4) + b"x" * random_.randrange(1000),
            b"zINSTREAM\0" + stream(unique + b"x" * LARGE),
            b"zCONTSCAN %s\0" % os.fsencode(self._folder),
            b"zIDSESSION\0zINSTREAM\0" + stream(unique) * 3,
            b"zFILDES\0",
            random_.randbytes(random_.randrange(200)),
        )
        with self._daemon.connect() as connection, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(random_.choice(pieces))
        self.answers["hung up"] += 1

    def _judge(self, answer: bytes, infected: bool) -> None:
        if answer == (b"Test.One FOUND\0" if infected else b"OK\0"):
            self.answers["right"] += 1
        elif answer.endswith(b" ERROR\0"):
            self.answers["error"] += 1
        else:
            self.wrong.append(f"{infected}: {answer!r}")

    def break_things(self, seconds: float) -> None:
        random_ = random.Random(self._seed)
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.wrong:
            time.sleep(random_.uniform(0.05, 0.4))
            kind = random_.choices(("worker", "clerk", "zygote", "reload", "nothing"), (10, 3, 1, 1, 3))[0]
            if kind == "reload":
                self._daemon.process.send_signal(signal.SIGHUP)
                self.kills[kind] += 1
            elif kind != "nothing" and (victims := _victims(self._daemon.process.pid, kind)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(random_.choice(victims), signal.SIGKILL)
                    self.kills[kind] += 1
                if kind == "zygote":
                    time.sleep(16)  # more than four a minute are a fault of the system, and end the daemon
            if self._daemon.process.poll() is not None:
                self.wrong.append(f"the daemon ended: {self._daemon.log.read_text()[-2000:]}")


def _content(random_: random.Random, unique: bytes) -> tuple[bytes, bool]:
    infected = random_.random() < 0.5
    large = random_.random() < 0.1
    return unique + (b"<" + MARKER + b">" if infected else b"clean") + (b"." * LARGE if large else b""), infected


def _victims(pid: int, kind: str) -> list[int]:
    """Return the daemon's zygotes, clerks or workers."""
    children = _children(pid)
    zygotes = [child for child in children if _children(child)]
    if kind == "zygote":
        return zygotes
    if kind == "clerk":
        return [child for child in children if child not in zygotes and _is_python_fork(child)]
    return [worker for zygote in zygotes for worker in _children(zygote)]


def _is_python_fork(pid: int) -> bool:
    """Whether a process runs the daemon's own program: what compiles databases has another command line."""
    try:
        return b"serve" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def below(pid: int) -> list[int]:
    """Return the processes below a daemon."""
    return [each for child in _children(pid) for each in (child, *_children(child))]


def _settle(daemon: Running) -> None:
    """Let everything be there that a daemon has after a while: workers, clerks, modules."""
    for number in range(200):
        daemon.ask(b"zINSTREAM\0", stream(b"settle %d" % number, b"x" * (LARGE if number % 20 == 0 else 10)))


def _held(daemon: Running, spool: Path) -> Leaks:
    pid = daemon.process.pid
    return Leaks(
        len(list(Path(f"/proc/{pid}/fd").iterdir())),
        len(below(pid)),
        memory_of(pid),
        sorted(path.name for path in spool.iterdir()),
    )


def memory_of(pid: int) -> int:
    """Return the memory that a process shares with none, in bytes."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_")) * 1024


def _calmed(daemon: Running, spool: Path, before: Leaks) -> Leaks:
    """Return what the daemon holds when old processes and connections have had their time to go."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        _settle(daemon)
        after = _held(daemon, spool)
        if not excess(before, after) or time.monotonic() > deadline:
            return after
        time.sleep(1)


def excess(before: Leaks, after: Leaks) -> list[str]:
    """Say what a daemon holds more than it may: clerks come and go, with a descriptor or two each."""
    found = []
    if after.descriptors > before.descriptors + 2 * CLERKS + 8:
        found.append(f"descriptors: {before.descriptors}, then {after.descriptors}")
    if after.children > before.children + CLERKS + 2:
        found.append(f"processes: {before.children}, then {after.children}")
    if after.memory > before.memory + 20_000_000:
        found.append(f"private memory: {before.memory:,}, then {after.memory:,} bytes")
    if after.files:
        found.append(f"files that were left: {after.files}")
    return found


@contextlib.contextmanager
def scene() -> Iterator[tuple[Path, Path]]:
    """Yield a folder with a database, clean and infected files, and an empty one for temporary files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for below in ("database", "spool", "none", "one"):
            (folder / below).mkdir()
        (folder / "database" / "test.ndb").write_text(f"Test.One:0:*:{MARKER.hex()}\n")
        for number in range(20):
            (folder / "none" / str(number)).write_bytes(b"clean %d" % number)
            (folder / "one" / str(number)).write_bytes(b"clean %d" % number)
        (folder / "one" / "infected").write_bytes(MARKER)
        yield folder, folder / "spool"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300, help="default: %(default)g")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    args = parser.parse_args()
    command = shutil.which("freehold") or str(Path(sys.executable).with_name("freehold"))
    with scene() as (folder, spool):
        log = folder / "log"
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                [command, "serve", "--socket", folder / "socket", "--database", folder / "database"],
                env=os.environ | {"TMPDIR": os.fspath(spool)},
                stderr=stderr,
            )
        daemon = Running(folder / "socket", process, log)
        await_line(daemon, "event=ready")
        outcome = endure(daemon, folder, spool, args.seconds, args.seed)
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    print(*(f"{name}: {value}" for name, value in outcome._asdict().items()), sep="\n")
    faults = [*outcome.wrong, *excess(outcome.before, outcome.after)]
    sys.exit("\n".join(faults) if faults else 0)


if __name__ == "__main__":
    main()
