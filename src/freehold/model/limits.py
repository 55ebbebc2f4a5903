"""Every limit of an examination, in one place, and the ledger that enforces them.

One ledger serves a root artifact and all that is unpacked from it, so that nesting cannot multiply it.
"""

import time
from typing import NamedTuple

from freehold.model.errors import LimitReached

MIB = 1024 * 1024


class Limits(NamedTuple):
    """What one root artifact may cost.

    Attributes:
        depth: how many layers of containers are opened.
        pages: how many pages (HTML) within pages are opened: each may hold nearly all of the one around it.
        artifacts: how many artifacts are examined, the root included.
        artifacts_floor: how many of them are examined whatever the root's size.
        artifact_bytes: bytes that each further one needs: of the root, and of what was unpacked from it.
        unpacked_bytes: bytes that all layers together may produce, counted as produced, never as declared.
        unpacked_floor: how many of them may be produced whatever the root's size; further ones may be ``ratio`` times
            as many as the root has.
        ratio: produced bytes per consumed byte of one stream, looked at once ``ratio_floor`` bytes have come out.
        ratio_floor: bytes that a stream may produce before its ratio matters.
        decoder_memory: bytes that one decoder may allocate for its window or dictionary.
        whole_bytes: size of an artifact that a matcher which needs all of it at once (YARA) looks at.
        seconds: wall time for the root artifact with everything in it.
        worker_memory: bytes of address space that a worker may use.
        password_rounds: rounds of hashing that trying passwords may take; an attacker says how many each try needs.
        program_bytes: size of a packed program that is run on the emulated processor.
        program_instructions: instructions that it may take to unpack itself.
        program_seconds: processor time for the same; a program that changes its own code and fails is run once more.
        program_memory: bytes of its memory that are looked at afterwards.
        emulation_seconds: wall time for all packed programs of one root artifact; no other is run after that.
        detections: detections that are kept for one root artifact.
        problems: problems that are kept for one root artifact; further ones are counted only.
    """

    depth: int = 17
    pages: int = 4
    artifacts: int = 100_000
    artifacts_floor: int = 20_000
    artifact_bytes: int = 1024
    unpacked_bytes: int = 2048 * MIB
    unpacked_floor: int = 512 * MIB
    ratio: int = 250
    ratio_floor: int = 64 * MIB
    decoder_memory: int = 128 * MIB
    whole_bytes: int = 64 * MIB
    seconds: float = 120.0
    worker_memory: int = 2048 * MIB
    password_rounds: int = 20_000_000
    program_bytes: int = 32 * MIB
    program_instructions: int = 1_000_000_000
    program_seconds: float = 3.0
    program_memory: int = 144 * MIB
    emulation_seconds: float = 10.0
    detections: int = 1_000
    problems: int = 100


class Budget:
    """The ledger of one root artifact; every method raises ``LimitReached`` when its limit is exceeded.

    Args:
        limits: what the root may cost.
        root_bytes: its size, which pays for more than the floors.
    """

    __slots__ = (
        "_affordable",
        "_most_bytes",
        "_root_bytes",
        "artifacts",
        "deadline",
        "emulation_seconds",
        "limits",
        "password_rounds",
        "unpacked_bytes",
    )

    def __init__(self, limits: Limits, root_bytes: int = 0) -> None:
        self.limits = limits
        self._root_bytes = root_bytes
        self._affordable = min(limits.artifacts_floor, limits.artifacts)
        self._most_bytes = min(max(limits.unpacked_floor, limits.ratio * root_bytes), limits.unpacked_bytes)
        self.artifacts = 0
        self.unpacked_bytes = 0
        self.password_rounds = 0
        self.emulation_seconds = 0.0
        self.deadline = time.monotonic() + limits.seconds

    def take_artifact(self, depth: int, size: int = 0) -> None:
        """Count one artifact that stands ``depth`` layers below the root (the root itself: 0), and bytes as produced.

        Args:
            depth: of the artifact.
            size: of it, where its bytes are not counted as they are decoded.
        """
        limits = self.limits
        if depth > limits.depth:
            raise LimitReached("depth", limits.depth)
        if self.artifacts >= self._affordable:
            self._afford()
        self.artifacts += 1
        self.take_bytes(size)

    def _afford(self) -> None:
        """See how many artifacts can be examined by now."""
        limits = self.limits
        if self.artifacts >= limits.artifacts:
            raise LimitReached("artifacts", limits.artifacts)
        paid = min(self._root_bytes, self.unpacked_bytes) // limits.artifact_bytes
        self._affordable = min(limits.artifacts_floor + paid, limits.artifacts)
        if self.artifacts >= self._affordable:
            raise LimitReached("artifacts_floor", limits.artifacts_floor)

    def take_bytes(self, count: int) -> None:
        """Count bytes that a layer produced, whether decoded or cut out of its parent; then look at the clock."""
        self.unpacked_bytes += count
        if self.unpacked_bytes > self._most_bytes:
            self.foresee_bytes(0)
        self.tick()

    def foresee_bytes(self, count: int) -> None:
        """Refuse bytes, not counted yet, that will be too many when they are; then look at the clock."""
        if self.unpacked_bytes + count > self._most_bytes:
            few = self._most_bytes < self.limits.unpacked_bytes
            raise LimitReached("unpacked_floor" if few else "unpacked_bytes", self._most_bytes)
        self.tick()

    def check_ratio(self, consumed: int, produced: int) -> None:
        """Refuse a stream that has produced too much from too little; both counts are in bytes since its start."""
        if produced > self.limits.ratio_floor and produced > self.limits.ratio * max(consumed, 1):
            raise LimitReached("ratio", self.limits.ratio)

    def may_try(self, rounds: int) -> bool:
        """Count the try of a password that takes so many rounds of hashing; False when there were too many."""
        self.tick()
        self.password_rounds += rounds
        return self.password_rounds <= self.limits.password_rounds

    def tick(self) -> None:
        """Look at the clock; loops over hostile structures that produce nothing call this."""
        if time.monotonic() > self.deadline:
            raise LimitReached("seconds", self.limits.seconds)
