"""Welcoming mail servers."""

import socket
from collections.abc import Sequence

from freehold.frontends.host import Host
from freehold.frontends.intake import Intake
from freehold.frontends.listening import Server, address_text
from freehold.frontends.milter.connection import Connection
from freehold.frontends.milter.policy import Rules


def serve(listeners: Sequence[socket.socket], host: Host, rules: Rules, intake: Intake) -> Server:
    """Filter for whatever mail server connects to the listeners, under the rules."""

    def welcome(connection: socket.socket, address: object) -> Connection:
        return Connection(connection, address_text(address), host, rules, intake)

    return Server(listeners, welcome, rules.connections, host.log)
