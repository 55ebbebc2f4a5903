import pytest
from tests.formats import documents
from tests.formats.driver import open_one

from freehold.model.report import ProblemKind


def test_attachments_are_those_that_tnefparse_finds():
    tnefparse = pytest.importorskip("tnefparse")
    data = documents.tnef(("one.txt", b"one" * 500), ("two.bin", bytes(range(256))))
    theirs = {a.name: bytes(a.data) for a in tnefparse.TNEF(data).attachments}
    assert dict(open_one("tnef", data).members) == theirs


def test_objects_in_properties_have_their_long_name():
    properties = documents.mapi((0x3704, 0x1E, b"LONG~1.EXE\0"), (0x3707, 0x1F, "long.exe\0".encode("utf-16-le")),
                                (0x3701, 0x102, b"content" * 20))  # fmt: skip
    assert open_one("tnef", documents.tnef(properties=properties)).by_name("long.exe") == b"content" * 20


def test_property_of_an_unknown_type_is_reported():
    data = documents.tnef(("a", b"content"), properties=documents.mapi((0x3701, 0x0999, b"x")))
    opened = open_one("tnef", data)
    assert opened.by_name("a") == b"content"
    assert opened.kinds == {ProblemKind.MALFORMED}


def test_what_follows_the_attributes_is_examined():
    opened = open_one("tnef", documents.tnef(("a", b"content")) + b"x" * 100)
    assert opened.by_name("rest") == b"x" * 100
