"""rpm's databases, made by rpm itself and by Berkeley DB's tools."""

import os
import shutil
import sqlite3
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.inventory.reading import read, values

from freehold.engine.inventory import items, sqlite
from freehold.model.artifact import Artifact
from freehold.model.errors import MalformedInput
from freehold.model.limits import Budget, Limits
from freehold.model.view import BytesView

SPEC = "Name: %s\nVersion: 7.5\nRelease: 12\nSummary: x\nLicense: none\nBuildArch: noarch\n%%description\nx\n%%files\n"
SQLITE, BERKELEY, NDB = "var/lib/rpm/rpmdb.sqlite", "var/lib/rpm/Packages", "usr/lib/sysimage/rpm/Packages.db"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of three packages, written by rpm."""
    if not shutil.which("rpmbuild"):
        pytest.skip("needs rpmbuild")
    folder = tmp_path_factory.mktemp("rpm")
    for name in ("tool", "libtool-perl", "other"):
        (folder / f"{name}.spec").write_text(SPEC % name)
        build = ["rpmbuild", "-bb", "--define", f"_topdir {folder}/build", folder / f"{name}.spec"]
        subprocess.run(build, check=True, capture_output=True)
    packages = sorted((folder / "build/RPMS/noarch").iterdir())
    options = ["--dbpath", folder / "db", "--define", "_db_backend sqlite", "--justdb", "--nodeps", "--nosignature"]
    subprocess.run(["rpm", *options, "-i", *packages], check=True, capture_output=True)
    with sqlite3.connect(folder / "db/rpmdb.sqlite") as connection:
        connection.execute("PRAGMA journal_mode=DELETE")  # writes back what the journal has
    return folder / "db/rpmdb.sqlite"


def headers(database: Path) -> list[bytes]:
    with sqlite3.connect(database) as connection:
        return [blob for (blob,) in connection.execute("SELECT blob FROM Packages ORDER BY hnum")]


EXPECTED = [("package", "libtool-perl"), ("package", "other"), ("package", "tool")]


def test_sqlite(database: Path) -> None:
    found = read(SQLITE, database.read_bytes())
    assert sorted((item.kind.value, item.value) for item in found) == EXPECTED
    assert {item.detail for item in found} == {"7.5-12, installed"}
    assert all(0 < item.offset < database.stat().st_size for item in found)


def test_a_damaged_header_hides_no_other(database: Path, tmp_path: Path) -> None:
    copy = shutil.copy(database, tmp_path / "copy.sqlite")
    with sqlite3.connect(copy) as connection:
        connection.execute("UPDATE Packages SET blob = x'00000001ffffffff00' WHERE hnum = 1")
    found = []
    with pytest.raises(MalformedInput, match="1 headers"):
        found.extend(items(Artifact(SQLITE, BytesView(Path(copy).read_bytes())), Budget(Limits())))
    assert [item.kind for item in found] == ["path", "package", "package"]


@pytest.mark.skipif(not shutil.which("db5.3_load"), reason="needs db-util")
@pytest.mark.parametrize("size", [0, 30_000], ids=["short", "in several pages"])
def test_berkeley_db(database: Path, tmp_path: Path, size: int) -> None:
    lines = ["VERSION=3", "format=bytevalue", "type=hash", "db_pagesize=4096", "HEADER=END", " 00000000", " 05000000"]
    for number, header in enumerate(headers(database), 1):
        lines += [f" {struct.pack('<I', number).hex()}", f" {(header + bytes(size)).hex()}"]
    text = "\n".join([*lines, "DATA=END", ""]).encode()
    subprocess.run(["db5.3_load", tmp_path / "Packages"], input=text, check=True, capture_output=True)
    assert sorted(values(BERKELEY, (tmp_path / "Packages").read_bytes())) == EXPECTED


def test_ndb(database: Path) -> None:
    """As its source describes it: Debian's rpm cannot write this kind."""
    blobs, slots = b"", b""
    for number, header in enumerate(headers(database), 1):
        blob = b"BlbS" + struct.pack("<III", number, 1, len(header)) + header
        blob += bytes(-(len(blob) + 12) % 16) + bytes(8) + b"BlbE"
        slots += b"Slot" + struct.pack("<III", number, 256 + len(blobs) // 16, len(blob) // 16)
        blobs += blob
    head = (b"RpmP" + struct.pack("<IIII", 0, 1, 1, 4)).ljust(32, b"\0")
    slots += (b"Slot" + bytes(12)) * ((4096 - 32 - len(slots)) // 16)
    assert sorted(values(NDB, head + slots + blobs)) == EXPECTED


@pytest.mark.parametrize("name", [SQLITE, BERKELEY, NDB])
def test_what_is_no_database_is_a_problem(name: str) -> None:
    with pytest.raises(MalformedInput):
        read(name, b"x" * 5000)
    assert read(name, b"") == []


def test_only_the_place_makes_it_a_database(database: Path) -> None:
    assert read("home/user/rpmdb.sqlite", database.read_bytes()) == []


@given(
    rows=st.lists(st.tuples(st.binary(max_size=3000), st.integers(-(2**63), 2**63 - 1)), max_size=60),
    size=st.sampled_from([512, 1024, 4096, 65_536]),
)
def test_rows_are_those_that_sqlite_reads(rows: list[tuple[bytes, int]], size: int) -> None:
    with sqlite3.connect(":memory:") as connection:
        connection.execute(f"PRAGMA page_size={size}")
        connection.execute("CREATE TABLE other (a)")
        connection.execute("CREATE TABLE wanted (number INTEGER PRIMARY KEY, blob, whole)")
        connection.executemany("INSERT INTO wanted (blob, whole) VALUES (?, ?)", rows)
        data = connection.serialize()
    found = sqlite.rows(BytesView(data), "wanted", 1 << 20, Budget(Limits()))
    assert [tuple(row.values[1:]) for row in found] == rows
    cut = sqlite.rows(BytesView(data), "wanted", 64, Budget(Limits()))
    assert len(list(cut)) == len(rows)


def test_a_page_that_leads_to_itself_ends() -> None:
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE TABLE wanted (blob)")
        connection.executemany("INSERT INTO wanted VALUES (?)", [(os.urandom(500),)] * 100)
        data = bytearray(connection.serialize())
    assert data[4096] == 5  # the second page leads on
    data[4096 + 8 : 4096 + 12] = (2).to_bytes(4, "big")
    with pytest.raises(MalformedInput, match="twice"):
        list(sqlite.rows(BytesView(bytes(data)), "wanted", 100, Budget(Limits())))
