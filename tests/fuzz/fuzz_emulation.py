"""Fuzz target for the emulation of packed programs; needs icicle-emu."""

import contextlib
import importlib.util

from freehold.emulation.unpack import unpack
from freehold.model.errors import MalformedInput

SAMPLES = ("pe_inside",)


def target(data: bytes) -> None:
    if importlib.util.find_spec("icicle") is None:
        return
    from freehold.emulation.icicle import IcicleCpu

    with contextlib.suppress(MalformedInput):
        unpack(data, lambda wide: IcicleCpu(wide=wide), 0.5)
