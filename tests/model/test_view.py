"""Both kinds of view behave as slices of the same bytes."""

import os
import random
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.model.view import RESIDENT, WINDOW, BytesView, ContentChanged, FileView, open_view

OFFSETS = st.integers(min_value=0, max_value=300)


def on_disk(data):
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the garbage collector at the end of the test
    file.write(b"before" + data)
    file.flush()
    return file, FileView(file.fileno(), 6, len(data))


@given(st.binary(max_size=200), OFFSETS, OFFSETS, OFFSETS, OFFSETS)
def test_views_are_slices(data, start, length, offset, count):
    file, file_view = on_disk(data)
    with file:
        for view in (BytesView(data), file_view):
            part = view.slice(start, length)
            expected = data[start : start + length]
            assert part.size == len(expected)
            assert part.read(offset, count) == expected[offset : offset + count]
            assert b"".join(bytes(w) for _, w in part.windows(0)) == expected


READ_AHEAD_DATA = random.Random(7).randbytes(200_000)
STEPS = st.tuples(st.integers(-40_000, 40_000) | st.integers(-40, 200), st.integers(-3, 5000) | st.just(50_000))


@settings(deadline=None)
@given(st.lists(STEPS, max_size=40), st.integers(0, 200_000))
def test_reading_on_and_back_gives_what_stands_there(steps, size):
    data = READ_AHEAD_DATA[:size]
    file, view = on_disk(data)
    position = 0
    with file:
        for step, length in steps:
            position = max(position + step, 0)
            expected = data[position : position + length] if length > 0 else b""
            assert view.read(position, length) == expected


@pytest.mark.parametrize("overlap", [0, 1, 4096])
@pytest.mark.parametrize("size", [RESIDENT + 1, RESIDENT + WINDOW + 4096, RESIDENT + 3 * WINDOW])
def test_windows_of_large_views_cover_everything_and_overlap(size, overlap):
    data = os.urandom(size)
    file, file_view = on_disk(data)
    with file:
        for view in (BytesView(data), file_view):
            end = 0
            for offset, window in view.windows(overlap):
                assert offset == max(0, end - overlap)
                assert window == data[offset : offset + len(window)]
                assert len(window) <= WINDOW + overlap
                end = offset + len(window)
            assert end == size


@pytest.mark.parametrize("size", [100, RESIDENT + WINDOW])
def test_a_file_that_shrinks_while_it_is_read_is_noticed(tmp_path, size):
    path = tmp_path / "shrinking"
    path.write_bytes(bytes(size))
    with path.open("r+b") as file:
        view = FileView(file.fileno(), 0, size)
        file.truncate(50)
        with pytest.raises(ContentChanged, match="ended at byte 50"):
            list(view.windows(10))
        with pytest.raises(ContentChanged):
            view.read(40, 20)


def test_small_files_are_kept_in_memory(tmp_path):
    path = tmp_path / "small"
    path.write_bytes(b"content")
    with path.open("rb") as file:
        view = open_view(file.fileno(), 7)
    assert view.read(0, 100) == b"content"
