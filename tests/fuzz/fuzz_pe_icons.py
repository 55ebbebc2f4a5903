"""Fuzz target for icons: a picture in a program, and any program."""

from tests.formats.icons import icon_program

from freehold.engine.matchers.logical.iconmetrics import measure
from freehold.formats import pe
from freehold.formats.peicons import icons
from freehold.model.errors import MalformedInput
from freehold.model.limits import Budget, Limits
from freehold.model.view import BytesView


def target(data: bytes) -> None:
    for program in (data, icon_program([data])):
        view = BytesView(program)
        try:
            layout = pe.read(view)
        except MalformedInput:
            continue
        for picture in icons(view, layout, Budget(Limits())):
            assert 16 <= picture.side <= 32
            assert len(picture.pixels) == picture.side**2
            assert all(0 <= pixel <= 0xFFFFFF for pixel in picture.pixels)
            assert measure(picture).side == picture.side
