"""Every format has golden samples, malformed samples and a fuzz target, and treats them as it should."""

import hashlib
import json
from pathlib import Path

import pytest
from tests.formats.driver import open_one
from tests.formats.images import BEYOND_THE_END, LARGE, PADDED

from freehold.formats.registry import BY_TYPE, every_format
from freehold.model.report import ProblemKind
from freehold.model.view import FileView

HERE = Path(__file__).parent
FUZZ = HERE.parent / "fuzz"


def _expected(folder: str) -> list[tuple[str, dict[str, object]]]:
    text = (HERE / folder / "expected.json").read_text(encoding="utf-8")
    return sorted(json.loads(text).items())


@pytest.mark.parametrize("form", every_format(), ids=lambda form: form.name)
def test_format_has_samples_and_a_fuzz_target(form):
    if form.name not in LARGE:
        assert any(name.startswith(f"{form.name}/") for name, _ in _expected("golden"))
        assert any(name.startswith(f"{form.name}/") for name, _ in _expected("malformed"))
    module = type(form).__module__.rpartition(".")[2]
    assert any((FUZZ / f"fuzz_{name}.py").is_file() for name in (form.name, module))


@pytest.mark.parametrize("form", every_format(), ids=lambda form: form.name)
def test_every_type_of_a_format_leads_to_it(form):
    assert form.types
    assert all(BY_TYPE[file_type] is form for file_type in form.types)


@pytest.mark.parametrize(("name", "expected"), _expected("golden"), ids=lambda value: str(value)[:40])
def test_golden_sample_yields_what_was_put_in(name, expected):
    opened = open_one(expected["type"], (HERE / "golden" / name).read_bytes())
    assert opened.hashes.items() >= expected["members"].items()
    assert opened.collector.problems == []
    assert "rest" not in opened.names


@pytest.mark.parametrize(("name", "expected"), _expected("malformed"), ids=lambda value: str(value)[:40])
def test_malformed_sample_leaves_its_problem(name, expected):
    opened = open_one(expected["type"], (HERE / "malformed" / name).read_bytes())
    assert opened.kinds >= {ProblemKind(kind) for kind in expected["problems"]}


@pytest.mark.parametrize(("name", "expected"), _expected("golden"), ids=lambda value: str(value)[:40])
def test_sample_cut_off_anywhere_never_yields_anything_new(name, expected):
    """What a cut-off container still yields is a beginning of what the whole one yields, or a piece of the file.

    Programs and compiled help are another matter: what decodes has a place of its own, and what is missing is zeros.
    """
    whole = (HERE / "golden" / name).read_bytes()
    full = open_one(expected["type"], whole).contents
    for length in {*range(0, min(len(whole), 700), 7), *range(0, len(whole), 61)}:
        for content in open_one(expected["type"], whole[:length]).contents:
            sure = content[:-PADDED] if expected["type"] in BEYOND_THE_END else content
            known = any(reading.startswith(sure) for reading in full)
            assert known or content in whole or expected["type"] in ("mail", "uuencode", "elf", "pe", "chm"), (
                length,
                hashlib.sha256(content),
            )


@pytest.mark.parametrize(("name", "expected"), _expected("golden"), ids=lambda value: str(value)[:40])
def test_sample_yields_the_same_from_a_file_as_from_memory(name, expected):
    path = HERE / "golden" / name
    with path.open("rb") as file:
        opened = open_one(expected["type"], FileView(file.fileno(), 0, path.stat().st_size))
    assert opened.members == open_one(expected["type"], path.read_bytes()).members
