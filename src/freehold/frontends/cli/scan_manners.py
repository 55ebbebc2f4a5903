"""``--cpu-limit`` and ``--io-idle``; without them nothing of it is loaded."""

import argparse
import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from freehold.service.manners import Manners

_NAP = 0.05
"""Seconds between two looks at whether a pause is over; the workers are looked after meanwhile."""


def wanted(args: argparse.Namespace) -> "Manners | None":
    """Return the manners that the options ask for."""
    if args.cpu_limit is None and not args.io_idle:
        return None
    from freehold.service.manners import Manners

    return Manners(args.cpu_limit, idle=args.io_idle)


def kept(manners: "Manners | None") -> AbstractContextManager[None]:
    """Keep them for a while; enter this before the workers are started."""
    _become_batch()
    return manners.kept() if manners else nullcontext()


def _become_batch() -> None:
    """Have the kernel let this process and its workers finish what is lined up before one interrupts the other.

    Where they share a processor, each answer and each job would switch between them, which costs a tenth of a scan.
    """
    if hasattr(os, "SCHED_BATCH"):
        with contextlib.suppress(OSError):
            if os.sched_getscheduler(0) == os.SCHED_OTHER:
                os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def pauses(manners: "Manners | None") -> Iterator[None]:
    """Yield for as long as no file should be handed out."""
    while manners and manners.must_wait():
        time.sleep(_NAP)
        yield None
