"""Compares what Freehold takes files for with what ``file --mime-type`` says.

    python -m tests.differential.mime --files 10000 /usr /etc /var/lib

``mime.tsv`` says which types of Freehold's agree with which of the other program's. What holds nothing that Freehold
looks into has no type of its own: it is ``data`` or ``text``.
"""

import argparse
import os
import random
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from freehold.engine.identify import identify
from freehold.model.view import open_view

TABLE = Path(__file__).with_name("mime.tsv")


def agreements() -> dict[str, frozenset[str]]:
    """Return Freehold's types by MIME type, or by its first part (``text/*``)."""
    rows = [line.split("\t") for line in TABLE.read_text("ascii").splitlines() if line and not line.startswith("#")]
    return {mime: frozenset(types.split()) for mime, types in rows}


def agree(mime: str, file_type: str, table: dict[str, frozenset[str]]) -> bool | None:
    """Whether both mean the same; None when the table knows nothing of this MIME type."""
    types = table.get(mime) or table.get(mime.partition("/")[0] + "/*")
    return None if types is None else file_type in types


def files(folders: list[Path], count: int, seed: int) -> list[bytes]:
    """Return that many regular files below the folders, chosen by chance."""
    found = [
        os.path.join(folder, name)  # noqa: PTH118 - names are bytes
        for top in folders
        for folder, _, names in os.walk(os.fsencode(top))
        for name in names
        if b"\n" not in name
    ]
    random.Random(seed).shuffle(found)
    return list(_regular(found, count))


def _regular(paths: list[bytes], count: int) -> Iterator[bytes]:
    for path in paths:
        if count == 0:
            return
        if stat.S_ISREG(os.lstat(path).st_mode) and os.access(path, os.R_OK):
            count -= 1
            yield path


def peer(paths: list[bytes]) -> list[str]:
    """Return the MIME type of each file, as ``file`` sees it."""
    done = subprocess.run(
        ["file", "--brief", "--mime-type", "--no-dereference", "--files-from", "-"],
        input=b"".join(path + b"\n" for path in paths),
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().splitlines()


def own(path: bytes) -> str:
    """Return the type of a file, as Freehold sees it."""
    fd = os.open(path, os.O_RDONLY)
    try:
        return identify(open_view(fd, os.fstat(fd).st_size))
    finally:
        os.close(fd)


def main() -> int:
    """Print each kind of difference with an example, and the share that agrees; status 1 below 99 %."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument(
        "--files", type=int, default=10_000, metavar="N", help="files to compare (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="for the choice of files (default: %(default)s)")
    args = parser.parse_args()
    table = agreements()
    paths = files(args.folders, args.files, args.seed)
    different: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], bytes] = {}
    for path, mime in zip(paths, peer(paths), strict=True):
        file_type = own(path)
        if not agree(mime, file_type, table):
            different[mime, file_type] += 1
            examples.setdefault((mime, file_type), path)
    for (mime, file_type), count in different.most_common():
        print(f"{count:6}  {mime:<40} {file_type:<12} {os.fsdecode(examples[mime, file_type])}")
    share = 1 - sum(different.values()) / max(len(paths), 1)
    print(f"{len(paths)} files: {share:.2%} agree")
    return 0 if share >= 0.99 else 1


if __name__ == "__main__":
    sys.exit(main())
