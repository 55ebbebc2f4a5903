"""Fuzz target for setups of Inno Setup, in their programs and as headers of their own."""

from tests.fuzz.opening import open_fully

from freehold.formats.inno import FORMAT
from freehold.formats.pe_inside import FORMAT as PROGRAM

SAMPLES = ("inno",)


def target(data: bytes) -> None:
    open_fully(PROGRAM if data.startswith(b"MZ") else FORMAT, data)
