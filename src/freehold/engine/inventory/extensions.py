"""Browsers' extensions: Chrome's kind by the folder of their manifest, Firefox's by its list and by what they say.

Source: https://developer.chrome.com/docs/extensions/reference/manifest, MDN ``browser_specific_settings``
"""

import re
from collections.abc import Iterator

from freehold.engine.inventory.content import mapping, read_json, sequence, text
from freehold.engine.inventory.items import Item
from freehold.model.artifact import Artifact
from freehold.model.errors import MalformedInput
from freehold.model.limits import Budget
from freehold.model.policy import IndicatorKind
from freehold.model.system import system_path

_UNPACKED = re.compile(r"/Extensions/([a-p]{32})/[^/]+/manifest\.json$")
_LIST = re.compile(r"/firefox/(?:[^/]+/)+extensions\.json$", re.IGNORECASE)
_MANIFEST = "/manifest.json"
_IDENTIFIER = re.compile(rb'"gecko"\s*:\s*\{[^{}]{0,4096}?"id"\s*:\s*"([^"\\]{1,256})"')
_BEGINNING = 1 << 18


def reads(artifact: Artifact) -> bool:
    """Whether this is an extension's manifest, or a list of extensions."""
    path = system_path(artifact.name)
    if not path.endswith(".json"):
        return False
    return path == _MANIFEST or any(pattern.search(path) for pattern in (_UNPACKED, _LIST))


def items(artifact: Artifact, budget: Budget) -> Iterator[Item]:
    """Yield the identifiers of extensions."""
    path = system_path(artifact.name)
    if path == _MANIFEST:  # of a packed extension; browsers take comments there, so it may be no JSON
        if found := _IDENTIFIER.search(artifact.view.read(0, _BEGINNING)):
            yield Item(
                IndicatorKind.EXTENSION, found[1].decode("utf-8", "replace"), "a packed extension", found.start(1)
            )
    elif unpacked := _UNPACKED.search(path):
        yield Item(IndicatorKind.EXTENSION, unpacked[1], _about(artifact, budget))
    else:
        for addon in map(mapping, sequence(mapping(read_json(artifact, budget)).get("addons"))):
            budget.tick()
            if identifier := text(addon.get("id")):
                about = mapping(addon.get("defaultLocale")) | {"version": addon.get("version")}
                yield Item(IndicatorKind.EXTENSION, identifier, _described(about))


def _about(artifact: Artifact, budget: Budget) -> str:
    """Return name and version if the manifest says them: the identifier is known without."""
    try:
        return _described(mapping(read_json(artifact, budget)))
    except MalformedInput:
        return ""


def _described(about: dict[str, object]) -> str:
    return " ".join(filter(None, (text(about.get("name")), text(about.get("version")))))
