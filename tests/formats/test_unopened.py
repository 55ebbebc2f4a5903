"""What is recognised but cannot be opened is incomplete, and what lies in it as it is is found."""

import pytest
from tests.formats.driver import open_one
from tests.formats.programs import two_sections

from freehold.engine.identify import identify
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView

PROGRAM = two_sections(size=0xA00).build()
BEGINNINGS = {
    "ace": b"\x12\x34\x31\0\0\0\x90**ACE**\x14\x14\x02",
    "zoo": b"ZOO 2.10 Archive.\x1a\0\0\xdc\xa7\xc4\xfd",
    "stuffit": b"SIT!\0\x01\0\0\x12\x34rLau\x01",
    "rar14": b"RE~^\x07\0\0",
    "uharc": b"UHA\x06",
    "hfs-classic": bytes(1024) + b"BD" + bytes(12) + b"\0\3",
}


@pytest.mark.parametrize("file_type", BEGINNINGS)
def test_archive_is_said_to_be_unsupported_and_looked_through(file_type):
    content = BEGINNINGS[file_type] + bytes(50) + PROGRAM
    assert identify(BytesView(content)) == file_type
    opened = open_one(file_type, content)
    assert opened.kinds == {ProblemKind.UNSUPPORTED}
    assert opened.contents == [PROGRAM]
