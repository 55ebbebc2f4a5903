"""Who may ask, and how often."""

import ipaddress
import time
from collections import OrderedDict

from starlette.requests import Request

from freehold.frontends.http.policy import Rules
from freehold.frontends.http.problems import Refused
from freehold.frontends.http.tokens import Tokens
from freehold.model.errors import UsageError

_CLIENTS = 10_000
"""Clients whose pace is remembered; who has been silent for the longest time is forgotten."""

_BURST = 60.0
"""Seconds of a client's share that it may use at once."""

_OWN_PAGES = {"same-origin", "none"}
"""What browsers say of requests that come from the service's own page, and of those that a person typed."""


class Access:
    """Knows clients by their token, certificate or address.

    Args:
        rules: of the front end.
        tokens: of which every client has to show one; None when none is asked for.
    """

    def __init__(self, rules: Rules, tokens: Tokens | None) -> None:
        self._rules = rules
        self._tokens = tokens
        self._pace = Pace(rules.requests_a_minute)

    def admit(self, request: Request) -> str:
        """Return the name of a client that may ask; raises ``Refused``."""
        if request.headers.get("sec-fetch-site", "none") not in _OWN_PAGES:
            raise Refused(403, "other web sites may not ask through their visitors' browsers")
        if self._rules.only_here and not _is_here(request):
            raise Refused(403, "without tokens only this machine is answered, by its address or as localhost")
        name = self._holder(request) or address_of(request)
        if wait := self._pace.take(name):
            raise Refused(429, f"too many requests; try again in {wait} s", {"Retry-After": str(wait)})
        return name

    def _holder(self, request: Request) -> str:
        """Return who holds the token or the certificate that was shown, "" when none is asked for."""
        certificate: str = request.scope["state"].get("certificate", "")
        if self._tokens is None:
            return certificate
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            name = self._tokens.name_of(token.strip()) if scheme.lower() == "bearer" else None
        except UsageError as error:
            raise Refused(503, f"nobody can be admitted: {error}", {"Retry-After": "60"}) from error
        if name is None:
            challenge = {"WWW-Authenticate": 'Bearer realm="freehold"'}
            raise Refused(401, "a token is needed: 'Authorization: Bearer fht_…'", challenge)
        return name


class Pace:
    """Token buckets: each client gains so many requests a minute, and may save them up for a minute.

    Args:
        requests_a_minute: of one client.
    """

    def __init__(self, requests_a_minute: int) -> None:
        self._rate = requests_a_minute / 60
        self._most = max(self._rate * _BURST, 1.0)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> int:
        """Count one request; returns the seconds to wait if it is one too many, else 0."""
        now = time.monotonic()
        left, since = self._left.pop(client, (self._most, now))
        left = min(left + (now - since) * self._rate, self._most)
        self._left[client] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > _CLIENTS:
            self._left.popitem(last=False)
        return 0 if left >= 1 else int((1 - left) / self._rate) + 1


def address_of(request: Request) -> str:
    """Return the address of a client; those of IPv6 are told apart by their network, which is what one client has."""
    if request.client is None:
        return "local"
    address = ipaddress.ip_address(request.client.host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and not address.ipv4_mapped:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _is_here(request: Request) -> bool:
    """Whether a request means this machine by name, too: else a web site whose name leads here could ask.

    Over a Unix socket no browser comes.
    """
    if request.client is None:
        return True
    host = request.headers.get("host", "").rpartition("@")[2]
    name = host[1 : host.find("]")] if host.startswith("[") else host.partition(":")[0]
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
