"""The kinds of feeds."""

from pathlib import Path

from freehold.feeds.sources import clamav, folder
from freehold.model.interfaces import Feed

FEEDS: tuple[Feed, ...] = (clamav.FEED, folder.FEED)

BY_NAME: dict[str, Feed] = {feed.name: feed for feed in FEEDS}


def kind_of(origin: str) -> str:
    """Return the kind that an origin most likely is: ``clamav`` for mirrors and where a ClamAV database lies."""
    if origin.startswith(("https:", "http:")):
        return clamav.FEED.name
    path = Path(origin.removeprefix("file://"))
    is_clamav = any(next(path.glob(pattern), None) for pattern in ("*.cvd", "*.cld"))
    return clamav.FEED.name if is_clamav else folder.FEED.name
