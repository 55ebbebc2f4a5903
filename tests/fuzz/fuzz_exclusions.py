"""Fuzz target for the settings in which other products list what they do not look at."""

import tempfile
import tomllib
from pathlib import Path

from freehold.model.errors import FreeholdError
from freehold.service.audit.exclusions import draft, is_settings, read


def target(data: bytes) -> None:
    is_settings(data)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "settings.ini"
        path.write_bytes(data)
        try:
            found = read(path)
        except FreeholdError:
            return
    text = "\n".join(draft([("settings.ini", found)]))
    wanted = [item.pattern for item in found if item.pattern and not item.warning]
    assert tomllib.loads(text)["scan"]["exclude"] == wanted
