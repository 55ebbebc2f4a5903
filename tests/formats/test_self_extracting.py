"""Archives behind a program's stub: whatever the archive, its members come out."""

import pytest
from tests.formats import eggs
from tests.formats.make_native import rar4, rar5
from tests.formats.programs import two_sections
from tests.formats.rars import rar20

from freehold.engine.scan import Engine
from freehold.formats import libarchive
from freehold.formats.sevenzip import library
from freehold.model.limits import Limits
from freehold.model.view import BytesView

STUB = two_sections(size=0xA00).build()
NATIVE = pytest.mark.skipif(
    not (library.available() and libarchive.available()), reason="the native libraries are not installed"
)
FILES = {"one.txt": b"one line and another one\n" * 40, "two.bin": bytes(range(256)) * 5}


def _found(content: bytes) -> set[tuple[str, int]]:
    report = Engine([]).examine(BytesView(content), "setup.exe", Limits(), tree=True)
    assert report.problems == []
    return {(node.artifact.rpartition(" ▸ ")[2].rpartition("/")[2], node.size) for node in report.nodes}


@pytest.mark.parametrize("gap", [b"", b"\1" * 1000], ids=["at once", "after data"])
@pytest.mark.parametrize(
    "command",
    [
        "zip -qr made.zip tree; mv made.zip made",
        pytest.param("7z a made.7z tree; mv made.7z made", marks=NATIVE),
        pytest.param("gcab -zcn made tree/one.txt tree/two.bin", marks=NATIVE),
        pytest.param("arj a -r -y made.arj tree; mv made.arj made", marks=NATIVE),
    ],
)
def test_archives_of_tools(command, gap, run, tmp_path):
    (tmp_path / "tree").mkdir()
    for name, content in FILES.items():
        (tmp_path / "tree" / name).write_bytes(content)
    run(command)
    found = _found(STUB + gap + (tmp_path / "made").read_bytes())
    assert found >= {(name, len(content)) for name, content in FILES.items()}


@pytest.mark.parametrize("gap", [b"", b"\1" * 1000], ids=["at once", "after data"])
@pytest.mark.parametrize(
    "archive",
    [
        rar4(FILES),
        rar20(FILES),
        pytest.param(rar5(FILES), marks=NATIVE),
        eggs.egg({name: (eggs.DEFLATE, [content]) for name, content in FILES.items()}),
    ],
    ids=["rar4", "rar20", "rar5", "egg"],
)
def test_other_archives(archive, gap):
    assert _found(STUB + gap + archive) >= {(name, len(content)) for name, content in FILES.items()}
