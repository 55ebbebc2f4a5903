"""Fuzz target for all formats that 7-Zip's library opens; the content decides which."""

from tests.fuzz.opening import open_fully

from freehold.engine.identify import identify
from freehold.formats.seven import FORMATS
from freehold.model.view import BytesView

SAMPLES = tuple(form.name for form in FORMATS)
"""Folders with samples."""

_BY_NAME = {form.name: form for form in FORMATS}


def target(data: bytes) -> None:
    form = _BY_NAME.get(identify(BytesView(data)))
    if form is not None:
        open_fully(form, data)
