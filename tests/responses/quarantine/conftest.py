"""A file with everything that a file can have, and what independent tools say of it."""

import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from freehold.frontends.cli import main

MARKER = b"a harmless marker that one signature of these tests knows\n"


def fingerprint(path: Path) -> str:
    """Return what stat, getfacl and getfattr say of a file, but for its inode and the time when that was changed."""
    name = os.fspath(path)
    commands = [
        ["stat", "--printf", "%F %a %u %g %s %X %x %Y %y %h", name],
        ["getfacl", "--omit-header", "--numeric", "--absolute-names", name],
        ["getfattr", "--dump", "--match=-", "--encoding=hex", "--absolute-names", name],
    ]
    said = [subprocess.run(command, capture_output=True, check=True).stdout for command in commands]
    return b"\n".join(said).decode("utf-8", "surrogateescape")


def read_quietly(path: Path) -> bytes:
    """Return the content of a file, and leave its access time alone."""
    fd = os.open(path, os.O_RDONLY | os.O_NOATIME)
    with os.fdopen(fd, "rb") as file:
        return file.read()


needs_tools = pytest.mark.skipif(
    not all(map(shutil.which, ("getfacl", "getfattr", "setfacl"))), reason="acl and attr are not installed"
)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A compiled database that knows nothing but ``MARKER``."""
    source = tmp_path / "marker.hdb"
    source.write_text(f"{hashlib.md5(MARKER).hexdigest()}:{len(MARKER)}:Test.Marker\n")  # noqa: S324
    with contextlib.redirect_stdout(io.StringIO()):
        main(["db", "build", str(source), "-o", str(tmp_path / "bundle")])
    return tmp_path / "bundle"


@pytest.fixture
def listed(tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """What ``freehold quarantine list`` says of the vault beside the test's files."""

    def ask() -> list[dict[str, Any]]:
        with contextlib.redirect_stdout(io.StringIO()) as output:
            status = main(["quarantine", "list", "--format", "json", "--vault", str(tmp_path / "vault")])
        assert status == 0
        found: list[dict[str, Any]] = json.loads(output.getvalue())
        return found

    return ask
