"""Runs ``clamscan`` on contents with databases given as text, and says what it found in each."""

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

CLAMSCAN = shutil.which("clamscan")
FOLLOWED = "1.4.6"
"""The version whose behaviour is followed; others know other functionality levels and read some headers differently."""
_FOUND = re.compile(rb"^(?P<file>.*?): (?P<name>[^\n]*) FOUND$", re.MULTILINE)


class ClamscanError(Exception):
    """``clamscan`` did not load the database, or died."""


def is_followed() -> bool:
    """Return whether the installed ``clamscan`` is the version that is followed."""
    if CLAMSCAN is None:
        return False
    done = subprocess.run([CLAMSCAN, "--version"], capture_output=True, check=False)
    return bool(re.match(rf"ClamAV {re.escape(FOLLOWED)}(?![0-9.])", done.stdout.decode()))


def scan(
    databases: Mapping[str, bytes],
    contents: Sequence[bytes],
    folder: Path,
    *,
    cache: bool = False,
    options: Sequence[str] = (),
) -> list[set[str]]:
    """Return for each content the names that ``clamscan`` reports, without ``.UNOFFICIAL``.

    Args:
        databases: by the names of their files.
        contents: what is scanned.
        folder: for both.
        cache: whether to keep its cache of clean content; without it, it does not look at ``HandlerType``.
        options: further ones.

    Raises:
        ClamscanError: the databases were refused, or it crashed.
    """
    assert CLAMSCAN, "clamscan is not installed"
    database, files = folder / "database", folder / "files"
    for directory in (database, files):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
    for name, text in databases.items():
        (database / name).write_bytes(text)
    for index, content in enumerate(contents):
        (files / str(index)).write_bytes(content)
    usual = ["--allmatch", *([] if cache else ["--disable-cache"]), "--no-summary", "--stdout", "--max-filesize=200M"]
    done = subprocess.run(
        [CLAMSCAN, *usual, *options, f"--database={database}", "--recursive", str(files)],
        capture_output=True,
        check=False,
    )
    if done.returncode not in {0, 1}:
        raise ClamscanError(f"status {done.returncode}: {done.stdout[-500:]!r} {done.stderr[-500:]!r}")
    found: list[set[str]] = [set() for _ in contents]
    for match in _FOUND.finditer(done.stdout):
        index = int(Path(match["file"].decode()).name)
        found[index].add(match["name"].decode("utf-8", "surrogateescape").removesuffix(".UNOFFICIAL"))
    return found


def known_signatures(databases: Mapping[str, bytes], folder: Path) -> int | None:
    """Return how many signatures ``clamscan`` loads, None when it refuses the databases."""
    assert CLAMSCAN, "clamscan is not installed"
    database = folder / "database"
    shutil.rmtree(database, ignore_errors=True)
    database.mkdir(parents=True)
    for name, text in databases.items():
        (database / name).write_bytes(text)
    empty = folder / "empty"
    empty.write_bytes(b"")
    done = subprocess.run([CLAMSCAN, f"--database={database}", str(empty)], capture_output=True, check=False)
    known = re.search(rb"^Known viruses: (\d+)$", done.stdout, re.MULTILINE)
    return int(known[1]) if known and done.returncode in {0, 1} else None


def icon_metrics(programs: Sequence[bytes], folder: Path) -> list[str]:
    """Return what ``clamscan`` measures of the icons of programs, in their order, as digits of an ``.idb`` file."""
    assert CLAMSCAN, "clamscan is not installed"
    (folder / "any.idb").write_text(f"I:G:H:10{'0' * 122}\n")
    (folder / "any.ldb").write_text("A;Engine:51-255,Target:1,IconGroup1:G;0;0:4d5a\n")
    names = []
    for index, program in enumerate(programs):
        names.append(folder / f"{index}.exe")
        names[-1].write_bytes(program)
    (folder / "list").write_text("".join(f"{name}\n" for name in names))
    databases = [f"--database={folder / name}" for name in ("any.idb", "any.ldb")]
    command = [CLAMSCAN, "--debug", "--disable-cache", *databases, f"--file-list={folder / 'list'}"]
    done = subprocess.run(command, capture_output=True, check=False)
    return [match.decode() for match in re.findall(rb"IDB SIGNATURE: ICON_NAME:GROUP1:GROUP2:([0-9a-f]+)", done.stderr)]
