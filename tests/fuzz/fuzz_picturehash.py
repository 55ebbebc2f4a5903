"""Fuzz target for the hashes of pictures."""

from contextlib import suppress

from freehold.formats.picturehash import FORMATS, picture_hash
from freehold.model.errors import LimitReached
from freehold.model.limits import Budget, Limits
from freehold.model.view import BytesView

_BEGINNINGS = {b"\x89PN": "png", b"GIF": "gif", b"\xff\xd8\xff": "jpeg", b"II*": "tiff", b"MM\0": "tiff"}


def target(data: bytes) -> None:
    file_type = _BEGINNINGS.get(data[:3], "bmp")
    assert file_type in FORMATS
    with suppress(LimitReached):
        digest = picture_hash(BytesView(data), file_type, Budget(Limits(seconds=5)))
        assert digest is None or len(digest) == 8
