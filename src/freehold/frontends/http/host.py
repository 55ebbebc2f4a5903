"""What this way in needs of the service."""

from typing import Protocol

from freehold.frontends import host


class Host(host.Host, Protocol):
    """The service, and the age of its database."""

    @property
    def database_time(self) -> float:
        """When the newest database was compiled, in seconds since 1970."""
