"""The spool gives back what was written, wherever it put it."""

import os
import tempfile

from hypothesis import given
from hypothesis import strategies as st

from freehold.engine import spool as spool_module
from freehold.engine.spool import Spool

REGIONS = st.lists(st.lists(st.binary(max_size=40), max_size=5), max_size=5)


@given(REGIONS, st.integers(min_value=1, max_value=60))
def test_regions_keep_their_content_until_they_are_released(regions, resident):
    usual, spool_module.RESIDENT = spool_module.RESIDENT, resident
    try:
        with tempfile.TemporaryFile() as file:
            spool = Spool(file.fileno())
            views = []
            for chunks in regions:
                mark = spool.mark
                spool.begin()
                for chunk in chunks:
                    spool.write(chunk)
                views.append((mark, b"".join(chunks), spool.finish()))
            for mark, content, view in reversed(views):
                assert view.read(0, 1000) == content
                spool.release(mark)
            spool.release(0)
            assert os.fstat(file.fileno()).st_size == 0
    finally:
        spool_module.RESIDENT = usual


def test_without_a_file_everything_stays_in_memory():
    spool = Spool(None)
    spool.begin()
    for _ in range(9):
        spool.write(bytes(1 << 20))
    assert spool.finish().size == 9 << 20
