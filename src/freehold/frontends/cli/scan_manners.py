"""``--cpu-limit`` and ``--io-idle``; without them nothing of it is loaded."""

import argparse
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
    """Keep them for a while."""
    return manners.kept() if manners else nullcontext()


def pauses(manners: "Manners | None") -> Iterator[None]:
    """Yield for as long as no file should be handed out."""
    while manners and manners.must_wait():
        time.sleep(_NAP)
        yield None
