"""Fuzz target for the readers of inventories: each gets the same bytes, at a place where it looks."""

from freehold.engine.inventory import Item, items
from freehold.model.artifact import Artifact
from freehold.model.errors import FreeholdError
from freehold.model.limits import MIB, Budget, Limits
from freehold.model.policy import IndicatorKind
from freehold.model.view import BytesView

LIMITS = Limits(whole_bytes=MIB, seconds=20)
PLACES = (
    "var/lib/dpkg/status",
    "var/lib/rpm/rpmdb.sqlite",
    "var/lib/pacman/local/x/desc",
    "lib/apk/db/installed",
    "var/lib/snapd/state.json",
    "meta/snap.yaml",
    "var/lib/flatpak/app/x/y/metadata",
    "etc/hosts",
    "etc/ssl/certs/x",
    "manifest.json",
    "extensions.json",
    "X.app/Contents/Info.plist",
    "Windows/System32/config/SOFTWARE",
    "Windows/System32/config/SYSTEM",
)


def target(data: bytes) -> None:
    for place in PLACES:
        try:
            for item in items(Artifact(place, BytesView(data)), Budget(LIMITS)):
                assert isinstance(item, Item)
                assert isinstance(item.kind, IndicatorKind)
                assert isinstance(item.value, str)
        except FreeholdError:
            pass
