"""Hashes of parts of programs, allow lists and ignore lists, on real programs, beside clamscan."""

import hashlib
from pathlib import Path

import pytest
from tests.differential import clamscan, engine

from freehold.formats import pe
from freehold.formats.peimports import import_list
from freehold.model.view import BytesView

WINE = sorted(Path("/usr/lib").glob("*/wine/*-windows/*.dll"))[::60]

pytestmark = [
    pytest.mark.skipif(clamscan.CLAMSCAN is None, reason="clamscan is not installed"),
    pytest.mark.skipif(not WINE, reason="libwine is not installed"),
]


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


@pytest.fixture(scope="module")
def programs() -> list[bytes]:
    return [path.read_bytes() for path in WINE]


@pytest.fixture(scope="module")
def database(programs: list[bytes]) -> dict[str, str]:
    sections: dict[str, str] = {}  # by digest: of equal entries clamscan reports only one
    imports: dict[str, str] = {}
    for number, program in enumerate(programs):
        layout = pe.read(BytesView(program))
        for index, section in enumerate(layout.sections[:3]):
            if section.size:
                digest = md5(program[section.start : section.start + section.size])
                sections.setdefault(digest, f"{section.size}:{digest}:Section.{number}.{index}\n")
        listed = import_list(BytesView(program), layout)
        if listed:
            imports.setdefault(md5(listed), f"{md5(listed)}:{len(listed)}:Imports.{number}\n")
    whole = [f"{md5(program)}:{len(program)}:Whole.{number}\n" for number, program in enumerate(programs)]
    return {"x.mdb": "".join(sections.values()), "x.imp": "".join(imports.values()), "x.hdb": "".join(whole)}


def compare(database: dict[str, str], programs: list[bytes], folder: Path) -> list[set[str]]:
    encoded = {name: text.encode() for name, text in database.items() if text}
    found = engine.scan(encoded, programs, folder / "freehold")
    assert found == clamscan.scan(encoded, programs, folder / "clamscan")
    return found


def test_parts_of_programs(database: dict[str, str], programs: list[bytes], tmp_path: Path) -> None:
    found = compare(database, programs, tmp_path)
    assert all(any(name.startswith("Section.") for name in names) for names in found)


def test_allowed_programs(database: dict[str, str], programs: list[bytes], tmp_path: Path) -> None:
    allowed = "".join(f"{md5(program)}:{len(program)}:ok\n" for program in programs[::2])
    found = compare({**database, "x.fp": allowed}, programs, tmp_path)
    assert [bool(names) for names in found] == [number % 2 == 1 for number in range(len(programs))]


def test_ignored_signatures(database: dict[str, str], programs: list[bytes], tmp_path: Path) -> None:
    line = database["x.hdb"].splitlines()[1]
    ignored = f"Whole.0\nSection.0.0\nWhole.1:{md5(line.encode())}\nWhole.2:{md5(b'another line')}\n"
    found = compare({**database, "x.ign2": ignored}, programs[:3], tmp_path)
    assert not {"Whole.0", "Section.0.0", "Whole.1"} & set().union(*found)
    assert "Whole.2" in found[2]
