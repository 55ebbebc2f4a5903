"""Browsers' extensions: Chrome's kind by the folder of their manifest, Firefox's by its list and by what they say.

Source: https://developer.chrome.com/docs/extensions/reference/manifest, MDN ``browser_specific_settings``
"""

import re
from collections.abc import Iterator

from freehold.engine.inventory.content import mapping, read_json, sequence, text
from freehold.engine.inventory.items import Item
from freehold.model.artifact import Artifact
from freehold.model.limits import Budget
from freehold.model.policy import IndicatorKind
from freehold.model.system import system_path

_UNPACKED = re.compile(r"/Extensions/([a-p]{32})/[^/]+/manifest\.json$")
_LIST = re.compile(r"/extensions\.json$")
_MANIFEST = re.compile(r"^/manifest\.json$")


def reads(artifact: Artifact) -> bool:
    """Whether this is an extension's manifest, or a list of extensions."""
    path = system_path(artifact.name)
    return any(pattern.search(path) for pattern in (_UNPACKED, _LIST, _MANIFEST))


def items(artifact: Artifact, budget: Budget) -> Iterator[Item]:
    """Yield the identifiers of extensions."""
    path = system_path(artifact.name)
    content = mapping(read_json(artifact, budget))
    if unpacked := _UNPACKED.search(path):
        yield Item(IndicatorKind.EXTENSION, unpacked[1], _described(content))
        return
    for addon in map(mapping, sequence(content.get("addons"))):
        budget.tick()
        yield from _firefox(addon.get("id"), mapping(addon.get("defaultLocale")) | {"version": addon.get("version")})
    for key in ("browser_specific_settings", "applications"):
        yield from _firefox(mapping(mapping(content.get(key)).get("gecko")).get("id"), content)


def _firefox(identifier: object, about: dict[str, object]) -> Iterator[Item]:
    if text(identifier):
        yield Item(IndicatorKind.EXTENSION, text(identifier), _described(about))


def _described(about: dict[str, object]) -> str:
    return " ".join(filter(None, (text(about.get("name")), text(about.get("version")))))
