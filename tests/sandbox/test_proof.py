"""The sandbox holds, as root and as an ordinary user."""

import os
from collections.abc import Callable
from typing import Any

from freehold.sandbox.proof import prove


def test_every_way_out_is_blocked(as_person: Callable[[Callable[[], object]], Any], tmp_path: object) -> None:
    def show() -> object:
        proof = prove()
        return proof.sandbox, proof.end, [(a.name, a.ordinary, a.confined) for a in proof.attempts], os.geteuid()

    os.environ.pop("TMPDIR", None)
    sandbox, end, attempts, user = as_person(show)
    assert end == "SIGSYS"
    assert [name for name, _, confined in attempts if confined == "succeeded"] == []
    assert {confined for _, _, confined in attempts} == {"EPERM", "can't start new thread"}
    # What fails anyway proves nothing: most attempts must be real ones.
    assert sum(ordinary == "succeeded" for _, ordinary, _ in attempts) >= 16
    assert "seccomp" in sandbox
    assert ("empty root" in sandbox) == (user == 0)
