"""What the milter front end does with messages."""

from enum import StrEnum
from typing import NamedTuple

from freehold.model.limits import MIB


class Treatment(StrEnum):
    """What becomes of a message."""

    ACCEPT = "accept"
    REJECT = "reject"
    TEMPFAIL = "tempfail"
    DISCARD = "discard"
    QUARANTINE = "quarantine"


INFECTED = (Treatment.REJECT, Treatment.DISCARD, Treatment.QUARANTINE, Treatment.ACCEPT)
INCOMPLETE = (Treatment.TEMPFAIL, Treatment.REJECT, Treatment.QUARANTINE, Treatment.ACCEPT)


class Rules(NamedTuple):
    """Rules of the front end.

    Attributes:
        infected: what becomes of a message in which something was found.
        incomplete: what becomes of one that could not be examined completely, and in which nothing was found.
        add_field: tell the outcome in the field X-Virus-Status, and remove those that senders wrote.
        message_bytes: the longest message that is examined.
        read_seconds: in which a mail server must send more of a message, or take more of an answer.
        idle_seconds: in which it must begin the next message; libmilter's usual value.
        connections: at once; further ones wait to be accepted.
    """

    infected: Treatment = Treatment.REJECT
    incomplete: Treatment = Treatment.TEMPFAIL
    add_field: bool = False
    message_bytes: int = 100 * MIB
    read_seconds: float = 120.0
    idle_seconds: float = 7210.0
    connections: int = 2000

    @property
    def shows(self) -> bool:
        """Whether messages get a field that tells the outcome: always when those that are not clean are accepted."""
        return self.add_field or Treatment.ACCEPT in {self.infected, self.incomplete}
