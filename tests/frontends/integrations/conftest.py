"""A daemon that knows one marker, with all sockets that integrations use."""

from pathlib import Path

import pytest
from tests.frontends.clamd.conftest import Running, Start, database, files, serve  # noqa: F401 - fixtures

from freehold.sandbox import lockdown

MARKER = b"xx freehold-marker-one xx"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents and lockdown.obstacle():
            item.add_marker(pytest.mark.skip("no sandbox on this kernel"))


@pytest.fixture(scope="session")
def daemon(serve: Start, database: Path) -> Running:  # noqa: F811 - fixtures
    return serve(database, "--icap", "127.0.0.1:0", "--icap-incomplete", "error")
