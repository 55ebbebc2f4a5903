"""Compiled signatures, found by way of their atoms, match what the slow reference matcher says they match."""

from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.differential import engine, generated, reference

from freehold.bundle import Bundle
from freehold.engine.matchers import load
from freehold.engine.matchers.logical.roots import OVERLAP
from freehold.engine.scan import Engine
from freehold.model.errors import MalformedInput
from freehold.model.limits import Limits
from freehold.model.signature import LogicalSignature
from freehold.model.view import RESIDENT, WINDOW, BytesView
from freehold.signatures.compile import build
from freehold.signatures.languages.clamav_ldb import parse_line

SIZE = 60


def signatures(rng: Random, count: int) -> dict[str, tuple[str, LogicalSignature]]:
    made: dict[str, tuple[str, LogicalSignature]] = {}
    while len(made) < count:
        name = f"S{len(made)}"
        line = generated.logical(rng, name, SIZE)
        with suppress(MalformedInput):
            made[name] = line, parse_line(line, f"x.ldb:{len(made) + 1}")
    return made


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 32))
def test_as_the_reference(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    rng = Random(seed)
    made = signatures(rng, 40)
    contents = [generated.NOT_TEXT + generated.data(rng, rng.choice([SIZE, 4 * SIZE])) for _ in range(6)]
    text = "".join(line + "\n" for line, _ in made.values()).encode()
    found = engine.scan({"x.ldb": text}, contents, tmp_path_factory.mktemp("scan"))
    for content, names in zip(contents, found, strict=True):
        expected = {name for name, (_, s) in made.items() if reference.matches(s, content, reference.Facts())}
        assert names == expected, [made[name][0] for name in sorted(names ^ expected)]


def test_signatures_of_several_databases(tmp_path: Path) -> None:
    """Their numbers are the same, they are not; and a macro's members may come from another one."""
    (tmp_path / "a.ldb").write_text(
        "A;Engine:51-255,Target:0;0;6d61726b\nM;Engine:51-255,Target:0;0&1;6d61726b;${4-5}3$\n"
    )
    (tmp_path / "b.ldb").write_text("B;Engine:51-255,Target:0;0;6d61726b\n")
    (tmp_path / "c.ndb").write_text("C:0:$3$:6d656d626572\n")
    bundles = []
    for name in ("a.ldb", "b.ldb", "c.ndb"):
        build([tmp_path / name], tmp_path / f"{name}.fhdb", jobs=1)
        bundles.append(Bundle.open(tmp_path / f"{name}.fhdb"))
    report = Engine(load(bundles)).examine(BytesView(b"\0\1mark\1member\0"), "x", Limits(), all_matches=True)
    assert {detection.name for detection in report.detections} == {"A", "B", "M"}


def test_an_atom_across_windows_of_large_content(tmp_path: Path) -> None:
    """Windows of large views overlap, so what lies across their ends is found all the same."""
    line = b"Across;Engine:51-255,Target:0;0&1;46524545484f4c44{-9000000}61746f6d;726172656c7921\n"
    contents = []
    for place in range(WINDOW - 32, WINDOW + OVERLAP + 16, 8):
        content = bytearray(RESIDENT + WINDOW)
        content[place : place + 15] = b"FREEHOLDrarely!"
        content[RESIDENT : RESIDENT + 4] = b"atom"
        contents.append(bytes(content))
    found = engine.scan({"x.ldb": line}, contents, tmp_path)
    assert found == [{"Across"}] * len(contents)
