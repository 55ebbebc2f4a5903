"""What the ICAP front end allows whom, and what it answers."""

from enum import StrEnum
from string import Template
from typing import NamedTuple

from freehold.frontends.icap.page import USUAL
from freehold.model.limits import MIB


class Incomplete(StrEnum):
    """What becomes of content that could not be examined completely, and in which nothing was found."""

    BLOCK = "block"
    ERROR = "error"
    PASS = "pass"  # noqa: S105 - not a password


class Rules(NamedTuple):
    """Rules of the front end.

    Attributes:
        incomplete: what becomes of content that could not be examined completely.
        content_bytes: the longest body that is examined.
        command_seconds: in which the head of a request must have come once it has begun.
        read_seconds: in which a client must send or take more, or begin its next request.
        connections: at once; further clients wait to be accepted.
        page: what people see instead of what is blocked.
    """

    incomplete: Incomplete = Incomplete.BLOCK
    content_bytes: int = 100 * MIB
    command_seconds: float = 30.0
    read_seconds: float = 120.0
    connections: int = 2000
    page: Template = USUAL
