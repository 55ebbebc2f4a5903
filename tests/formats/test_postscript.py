"""PostScript programs: floods, and what the samples do not show."""

import pytest
from tests.formats.driver import open_one

from freehold.model.report import ProblemKind


@pytest.mark.parametrize(
    "flood",
    [
        b"/ASCII85Decode filter\n" * 200_000,
        b"/ASCIIHexDecode filter\n00" * 200_000,
        b"currentfile eexec\n" * 300_000,
        b"%%BeginBinary: 99999\n" * 100_000,
        b"<00" * 1_000_000,
        b"<~" * 1_000_000,
        b"readhexstring " * 100_000,
    ],
    ids=lambda flood: flood[:12].decode().strip(),
)
def test_floods_end(flood):
    opened = open_one("postscript", b"%!PS\n" + flood)
    assert opened.kinds <= {ProblemKind.LIMIT}
    assert not any("seconds" in detail for _, detail in opened.collector.problems)


def test_pipe_is_a_fact():
    opened = open_one("postscript", b"%!PS\n(%pipe%id > /tmp/x) (w) file\n")
    assert opened.collector.facts["command"] == "%pipe%id > /tmp/x"
