"""Keeps what the tested programs write apart from what belongs to the user who runs the tests."""

import os
import signal
import tempfile
from pathlib import Path

import pytest

_HOMES = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")


def pytest_configure(config: pytest.Config) -> None:
    """Give every test, and all that it starts, homes of their own; workers of xdist share those of their master."""
    # Shells start what they put in the background with Ctrl-C ignored, and that is inherited by all that tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "workerinput"):
        return
    folder = tempfile.TemporaryDirectory(prefix="freehold-tests-")
    config.add_cleanup(folder.cleanup)
    for variable in _HOMES:
        home = Path(folder.name, variable)
        home.mkdir(0o700)
        os.environ[variable] = str(home)
