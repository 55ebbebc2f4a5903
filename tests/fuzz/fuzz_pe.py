"""Fuzz target for the layout of PE programs, their version information and imports."""

from freehold.formats.pe import read
from freehold.formats.peimports import import_list
from freehold.formats.peversion import version_keys
from freehold.model.errors import MalformedInput
from freehold.model.view import BytesView


def target(data: bytes) -> None:
    view = BytesView(data)
    try:
        layout = read(view)
    except MalformedInput:
        return
    assert all(0 <= key < view.size for key in version_keys(view, layout))
    import_list(view, layout)
