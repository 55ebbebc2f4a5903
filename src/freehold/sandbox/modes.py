"""The ways in which content can be examined apart from the host."""

import sys
from enum import StrEnum

from freehold.sandbox.host import Load, SocketZygote, Workers
from freehold.sandbox.wire import Setup


class Mode(StrEnum):
    """How workers are confined and how they get their files."""

    SANDBOX = "sandbox"
    """Locked down; descriptors over nameless Unix sockets."""

    PROVE = "prove"
    """Locked down; pipes only, so that a trace shows no system call of the network's."""

    PLAIN = "plain"
    """A worker process with all the rights of the user."""


def open_workers(mode: Mode, setup: Setup, workers: int, load: Load | None = None) -> Workers:
    """Return where workers come from.

    Systems other than Linux have only plain workers, whatever ``mode`` says; what the workers tell of themselves when
    they begin (``Ready.sandbox``) is what holds.

    Args:
        mode: as the user wishes.
        setup: what workers are prepared for; ``confine`` and ``sockets`` follow from the mode.
        workers: how many there will be at once, at most.
        load: gets the engine, in the zygote; by default Freehold's own.
    """
    if sys.platform != "linux":
        from freehold.sandbox.plain import Subprocesses

        return Subprocesses(setup._replace(confine=False))
    if mode is Mode.PROVE:
        from freehold.sandbox.pipes import PipeZygote

        return PipeZygote(setup._replace(sockets=False), workers, load)
    return SocketZygote(setup._replace(confine=mode is not Mode.PLAIN), load)
