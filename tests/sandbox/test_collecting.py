"""What a worker hands over, and what the host believes of it."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.model.artifact import Artifact
from freehold.model.collected import Record
from freehold.model.errors import MalformedInput
from freehold.model.limits import Budget, Limits
from freehold.model.view import BytesView
from freehold.responses.unpacked import write
from freehold.sandbox.collecting import Collector, records
from freehold.sandbox.wire import encode


def collected(artifacts: list[Artifact]) -> tuple[list[Record], list[bytes]]:
    with tempfile.TemporaryFile() as file:
        collector = Collector(file.fileno())
        for artifact in artifacts:
            assert not list(collector.match(artifact, Budget(Limits())))
        found = list(records(file.fileno()))
        return found, [file.seek(record.offset) and file.read(record.size) for record in found]


def test_what_is_written_is_read() -> None:
    root = Artifact("root", BytesView(b"root's content"), "zip")
    child = Artifact("child\udcff", BytesView(b"abc\n"), "text", root, 1)
    found, contents = collected([root, child])
    assert [(r.depth, r.name, r.file_type, r.size) for r in found] == [
        (0, "root", "zip", 0),
        (1, "child\udcff", "text", 4),
    ]
    assert contents == [b"", b"abc\n"]


@pytest.mark.parametrize("line", [b"[1,2]\n", b'[0,"a","b",-1]\n', b'[true,"a","b",1]\n', b"no json\n"])
def test_nonsense_is_refused(line: bytes) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(line)
        file.flush()
        with pytest.raises(MalformedInput):
            list(records(file.fileno()))


def test_a_record_that_claims_too_much_is_left_out() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(encode([0, "root", "zip", 0]) + encode([1, "a", "data", 1 << 40]) + b"few bytes")
        file.flush()
        assert [record.name for record in records(file.fileno())] == ["root"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.text(max_size=30)), max_size=12))
def test_no_name_leaves_the_folder(items: list[tuple[int, str]]) -> None:
    with tempfile.TemporaryDirectory() as outside, tempfile.TemporaryFile() as file:
        folder = Path(outside, "in")
        folder.mkdir()
        file.write(b"x")
        file.flush()
        found = [Record(0, "root", "", 0, 0)] + [Record(max(1, depth), name, "", 0, 1) for depth, name in items]
        written = [folder / path for _, path in write(file.fileno(), found, folder, neutral=False) if path]
        assert len(set(written)) == len(items)
        assert {path for path in Path(outside).rglob("*") if path.is_file()} == set(written)
