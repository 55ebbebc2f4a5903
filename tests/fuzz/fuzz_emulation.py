"""Fuzz target for the emulation of packed programs; needs icicle-emu."""

import contextlib
import functools
import importlib.util

from freehold.emulation.cpu import Cpu
from freehold.emulation.unpack import unpack
from freehold.model.errors import MalformedInput

SAMPLES = ("pe_inside",)


def target(data: bytes) -> None:
    if importlib.util.find_spec("icicle") is not None:
        with contextlib.suppress(MalformedInput):
            unpack(data, _processor, 0.1)


def _processor(wide: bool) -> Cpu:
    """A processor without memory; to make one takes longer than most programs."""
    cpu = _made(wide)
    cpu._vm.reset()
    cpu._maps.clear()
    cpu._executed = 0
    return cpu


@functools.cache
def _made(wide: bool):
    from freehold.emulation.icicle import IcicleCpu

    return IcicleCpu(wide=wide)
