"""Loading what Hyperscan compiled."""

from collections.abc import Callable

import hyperscan

from freehold.model.errors import TrustError

Scan = Callable[..., None]
"""Takes bytes and a callback for each match: id, start, end, flags, context."""


def load_database(serialised: bytes) -> Scan:
    """Return the scanning function of a database for blocks; raises ``TrustError`` when it is damaged or foreign."""
    try:
        database = hyperscan.loadb(serialised, hyperscan.HS_MODE_BLOCK)
        database.scratch = hyperscan.Scratch(database)
    except (hyperscan.DatabasePlatformError, hyperscan.DatabaseVersionError) as error:
        raise TrustError("the database was compiled for another CPU or Hyperscan; rebuild it here") from error
    except hyperscan.error as error:
        raise TrustError(f"Hyperscan refuses the database ({error}); build or fetch it again") from error
    scan: Scan = database.scan
    return scan


def collector(hits: set[int]) -> Callable[[int, int, int, int, object], None]:
    """Return a callback that keeps the ids."""
    add = hits.add

    def on_match(number: int, _: int, __: int, ___: int, ____: object) -> None:
        add(number)

    return on_match
