"""Runs the installed command, as a user would."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from freehold.sandbox import lockdown

Run = Callable[..., subprocess.CompletedProcess[bytes]]

COMMAND = Path(sys.executable).with_name("freehold")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what starts daemons where their workers cannot be confined."""
    folders = {Path(__file__).with_name(name) for name in ("clamd", "http", "icap", "integrations", "milter")}
    for item in items:
        if not folders.isdisjoint(item.path.parents) and lockdown.obstacle():
            item.add_marker(pytest.mark.skip("no sandbox on this kernel"))


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    homes = {
        f"XDG_{kind.upper()}_HOME": str(tmp_path_factory.mktemp(kind)) for kind in ("cache", "config", "data", "state")
    }
    return os.environ | homes | {"COLUMNS": "100"}


@pytest.fixture(scope="session")
def freehold(environment: dict[str, str]) -> Run:
    def run(*args: str | bytes | Path, **options: object) -> subprocess.CompletedProcess[bytes]:
        usual = {"capture_output": True, "timeout": 120, "env": environment}
        return subprocess.run([COMMAND, *args], check=False, **usual | options)

    return run


@pytest.fixture(scope="session")
def eicar() -> bytes:
    """The EICAR test file, built here so that no scanner stumbles over this one."""
    hidden = (
        "721f650b7a0f6a6b7a711e767a70721f1e027a74031d6969031d570e6f63696b7807797e6b646e6b786e07"
        "6b647e637c63787f79077e6f797e076c63666f0b0e62016200"
    )
    return bytes(byte ^ 0x2A for byte in bytes.fromhex(hidden))


@pytest.fixture(scope="session")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An archive with a password that nobody tries."""
    if not shutil.which("zip"):
        pytest.skip("zip is not installed")
    folder = tmp_path_factory.mktemp("encrypted")
    (folder / "secret").write_bytes(b"secret" * 100)
    subprocess.run(["zip", "-q", "-P", "x9!unguessable", "secret.zip", "secret"], cwd=folder, check=True)
    assert zipfile.is_zipfile(folder / "secret.zip")
    return (folder / "secret.zip").read_bytes()
