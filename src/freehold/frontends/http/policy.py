"""What the HTTP front end allows, and how much."""

from typing import NamedTuple

from freehold.model.limits import MIB


class Rules(NamedTuple):
    """Rules of the front end.

    Attributes:
        content_bytes: the longest content.
        command_seconds: in which the headers of a request must have come.
        read_seconds: in which a client must send or take more.
        connections: at once; further clients wait to be accepted.
        requests_a_minute: of one client.
        only_here: nobody has to prove who they are, so only programs of this machine are answered, and no web page.
    """

    content_bytes: int = 100 * MIB
    command_seconds: float = 30.0
    read_seconds: float = 120.0
    connections: int = 1000
    requests_a_minute: int = 6000
    only_here: bool = True
