"""Compiling databases apart: a daemon asks a process of its own, so that none of it stays in the daemon's memory.

python -m freehold.frontends.cli.resolving < request
"""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from freehold.model.errors import FreeholdError, UsageError
from freehold.service.clerks import Clerks, Errands, Item


class Wanted(NamedTuple):
    """What a daemon wants to examine with.

    Attributes:
        names: databases; see ``databases.resolve``.
        unwanted: see there.
        denied: see ``databases.denied``.
    """

    names: Sequence[str]
    unwanted: bool
    denied: str = ""


def errands() -> Errands:
    """Return what clerks must be able to do for ``found``."""
    return {"compiled": _compiled}


async def found(clerks: Clerks, wanted: Wanted) -> list[Path]:
    """Return the compiled databases, compiling what has changed in another process; raises ``UsageError``."""
    async with clerks.errand("compiled", *wanted) as errand:
        async for item in errand:
            return [Path(path) for path in item.values]
    return await _resolved(wanted)


def _compiled(_: int, *request: Any) -> Iterator[Item]:
    """Yield the databases if nothing must be compiled; what is wrong is told by who compiles."""
    with contextlib.suppress(FreeholdError, OSError):
        if bundles := _find(Wanted(*request), compiles=False):
            yield Item(bundles)


def _find(wanted: Wanted, *, compiles: bool) -> list[str]:
    """Return the paths of the databases, none when something must be compiled and is not to be."""
    from freehold.frontends.cli import databases
    from freehold.service.private import cache_directory

    if cache_directory() is None:
        raise UsageError(
            "a daemon keeps compiled signatures in its user's cache, and there is none that only this user may "
            "write; set XDG_CACHE_HOME (systemd: CacheDirectory=)"
        )
    try:
        bundles = databases.resolve(wanted.names, unwanted=wanted.unwanted, compiles=compiles)
        return [str(path) for path in [*bundles, *databases.denied(wanted.denied, compiles=compiles)]]
    except databases.NotCompiled:
        return []


async def _resolved(wanted: Wanted) -> list[Path]:
    """Have everything compiled by another process; raises ``UsageError`` with what that says."""
    command = [sys.executable, "-I", "-m", "freehold.frontends.cli.resolving"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: ASYNC220, S603
        if process.stdin is None or process.stdout is None:
            raise UsageError("no pipes")
        process.stdin.write(json.dumps(wanted).encode())
        process.stdin.close()
        try:
            output = await _read(process.stdout.fileno())
        except BaseException:
            process.kill()
            raise
    try:
        answer = json.loads(output)
    except ValueError as error:
        raise UsageError(f"the databases cannot be compiled: status {process.returncode}") from error
    if isinstance(answer, str):
        raise UsageError(answer)
    return [Path(path) for path in answer]


async def _read(fd: int) -> bytes:
    loop = asyncio.get_running_loop()
    pieces: list[bytes] = []
    ended: asyncio.Future[None] = loop.create_future()

    def read() -> None:
        piece = os.read(fd, 65_536)
        pieces.append(piece)
        if not piece and not ended.done():
            ended.set_result(None)

    loop.add_reader(fd, read)
    try:
        await ended
    finally:
        loop.remove_reader(fd)
    return b"".join(pieces)


def main() -> None:
    """Answer one request with a list of paths, or the text of an error."""
    answer: list[str] | str
    try:
        answer = _find(Wanted(*json.load(sys.stdin)), compiles=True)
    except (FreeholdError, OSError) as error:
        answer = str(error)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
