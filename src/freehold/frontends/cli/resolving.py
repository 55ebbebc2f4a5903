"""Compiling databases apart: a daemon asks a process of its own, so that none of it stays in the daemon's memory.

python -m freehold.frontends.cli.resolving < request
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from freehold.model.errors import FreeholdError, UsageError


async def resolve(names: Sequence[str], *, unwanted: bool, denied: str = "") -> list[Path]:
    """As ``databases.resolve`` and ``denied`` there, in another process; raises ``UsageError`` with what that says."""
    command = [sys.executable, "-I", "-m", "freehold.frontends.cli.resolving"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: ASYNC220, S603
        if process.stdin is None or process.stdout is None:
            raise UsageError("no pipes")
        process.stdin.write(json.dumps([list(names), unwanted, denied]).encode())
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
    from freehold.frontends.cli import databases
    from freehold.service.private import cache_directory

    names, unwanted, denied = json.load(sys.stdin)
    answer: list[str] | str
    try:
        if cache_directory() is None:
            raise UsageError(
                "a daemon keeps compiled signatures in its user's cache, and there is none that only this user may "
                "write; set XDG_CACHE_HOME (systemd: CacheDirectory=)"
            )
        bundles = [*databases.resolve(names, unwanted=unwanted), *databases.denied(denied)]
        answer = [str(path) for path in bundles]
    except (FreeholdError, OSError) as error:
        answer = str(error)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
