"""Welcoming clients of clamd's protocol."""

import socket
from collections.abc import Sequence

from freehold.frontends.clamd.connection import Connection, Host
from freehold.frontends.clamd.policy import Rules, peer_of
from freehold.frontends.intake import Intake
from freehold.frontends.listening import Server


def serve(listeners: Sequence[socket.socket], host: Host, rules: Rules, intake: Intake) -> Server:
    """Speak clamd's protocol with whoever connects to the listeners, under the rules."""

    def welcome(connection: socket.socket, address: object) -> Connection:
        return Connection(connection, peer_of(connection, address), host, rules, intake)

    return Server(listeners, welcome, rules.connections, host.log)
