"""What the tests of the sandbox share."""

import ctypes
import importlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from freehold.sandbox import examination, late, lockdown, proof, seccomp, worker, zygote
from freehold.sandbox.pipes import PipeZygote

NOBODY = 65_534
PR_SET_DUMPABLE = 4
LOADED = (examination, proof, zygote, PipeZygote, *map(importlib.import_module, late.LIBRARY))
"""Loaded before a test changes the user: an interpreter in root's home is out of reach for others."""


@pytest.fixture(autouse=True)
def _needs_a_sandbox() -> None:
    missing = lockdown.obstacle()
    if missing:
        pytest.skip(f"no sandbox on this kernel: {missing}")


@pytest.fixture(params=["user", "root"])
def as_person(request: pytest.FixtureRequest) -> Callable[[Callable[[], object]], Any]:
    """Runs a function in a child process, as an ordinary user and as root, and returns what it returned."""
    root = os.geteuid() == 0
    if request.param == "root" and not root:
        pytest.skip("needs to be root")
    if request.param == "user" and root and not _others_may_read(Path(seccomp.__file__)):
        pytest.skip("other users cannot read the package")
    worker.preload()
    become = NOBODY if root and request.param == "user" else None
    return lambda action: _in_child(action, become)


def _others_may_read(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o004) and all(folder.stat().st_mode & 0o001 for folder in path.parents)


def _in_child(action: Callable[[], object], user: int | None) -> object:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        answer: list[object] = [None, "the child ended early"]
        try:
            if user is not None:
                os.setgroups([])
                os.setresgid(user, user, user)
                os.setresuid(user, user, user)
                ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # as in a process that began as this user
            answer = [action(), ""]
        except Exception as error:  # noqa: BLE001 - handed on to the test
            answer = [None, repr(error)]
        finally:
            os.write(writing, json.dumps(answer).encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        value, error = json.loads(pipe.read())
    os.waitpid(pid, 0)
    assert not error, error
    return value
