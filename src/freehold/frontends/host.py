"""What every front end of the daemon needs of the service."""

from typing import Protocol

from freehold.service.dispatch import Dispatcher
from freehold.service.log import Log


class Host(Protocol):
    """The service."""

    @property
    def dispatcher(self) -> Dispatcher:
        """Where content is examined."""

    @property
    def log(self) -> Log:
        """Where events are noted."""

    @property
    def version(self) -> str:
        """Name, version, number and date of the database, as clamd words it."""
