import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formats import documents
from tests.formats.driver import open_one

from freehold.model.report import ProblemKind


@pytest.mark.parametrize("make", [documents.onenote, documents.onenote_package])
@given(contents=st.lists(st.binary(min_size=1, max_size=300), max_size=5))
def test_files_come_out(make, contents):
    found = open_one("onenote", make(*contents)).contents
    assert [content for content in found if content in contents] == contents


def test_large_files_of_packages_come_out():
    contents = [bytes(range(256)) * 400, b"x" * 2_200_000]
    assert open_one("onenote", documents.onenote_package(*contents)).contents == contents


def test_length_beyond_the_end_is_reported():
    data = documents.onenote(b"content" * 100)
    opened = open_one("onenote", data[:1500])
    assert opened.contents == [data[1060:1500]]
    assert opened.kinds == {ProblemKind.TRUNCATED}
