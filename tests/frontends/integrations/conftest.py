"""A daemon that knows one marker, with all sockets that integrations use."""

from pathlib import Path

import pytest
from tests.frontends.clamd.conftest import Running, Start, database, files, serve  # noqa: F401 - fixtures


@pytest.fixture(scope="session")
def daemon(serve: Start, database: Path) -> Running:  # noqa: F811 - fixtures
    return serve(database, "--icap", "127.0.0.1:0", "--icap-incomplete", "error")
