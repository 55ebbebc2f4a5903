"""Programs that unpack themselves do so on the emulated processor, and nothing that they do gets out of hand."""

import random

import pytest
from tests.emulation import code

from freehold.emulation.unpack import unpack
from freehold.model.errors import FreeholdError, LimitReached, MalformedInput
from freehold.model.limits import Limits
from freehold.model.report import ProblemKind

pytest.importorskip("icicle", reason="icicle-emu is not installed")

from freehold.emulation.icicle import IcicleCpu


def run(program, seconds=3.0):
    return unpack(program, lambda wide: IcicleCpu(wide=wide), Limits(program_seconds=seconds))


@pytest.mark.parametrize(
    ("program", "end"),
    [
        (code.program(code.NARROW + code.RETURN), "returns"),
        (code.program(code.WIDE + code.RETURN, wide=True), "returns"),
        (code.program(code.IN_HANDLER + code.NARROW + code.LEAVE, handler=code.SKIP_ONE), "returns"),
        (code.program(code.CHANGES_ITSELF + code.NARROW + code.RETURN), "returns"),
        (code.program(code.UNNOTICED + code.NARROW + code.RETURN), "returns"),
        (code.program(code.NARROW + b"\x0f\x0b"), "exception"),
        (code.program(code.NARROW + b"\xff\x15\0\0\0\0"), "exception"),
    ],
    ids=["narrow", "wide", "handler", "changes itself", "unnoticed", "illegal", "bad call"],
)
def test_what_was_hidden_is_in_memory(program, end):
    assert code.SECRET not in program
    dump = run(program)
    assert dump.end.startswith(end)
    assert (dump.kind is None) is (end == "returns")
    [(name, memory)] = dump.regions
    assert name == "memory"
    assert code.SECRET in memory


def test_an_endless_loop_ends():
    dump = run(code.program(code.NARROW + code.ENDLESS), 0.2)
    assert dump.kind is ProblemKind.LIMIT
    assert code.SECRET in dump.regions[0][1]


@pytest.mark.parametrize("program", [b"", b"MZ", b"MZ" + bytes(2000), code.program(b"")[:90]])
def test_what_is_no_program_is_refused(program):
    with pytest.raises(MalformedInput):
        run(program)


def test_a_program_that_needs_too_much_memory_is_refused():
    program = bytearray(code.program(b""))
    program[64 + 24 + 56 : 64 + 24 + 60] = (1 << 30).to_bytes(4, "little")
    with pytest.raises(LimitReached, match="emulated_memory"):
        run(bytes(program))


def test_damaged_programs_are_run_or_refused():
    source = random.Random(11)
    original = code.program(code.IN_HANDLER + code.NARROW + code.LEAVE, handler=code.SKIP_ONE)
    for _ in range(30):
        damaged = bytearray(original)
        for _ in range(4):
            damaged[source.randrange(0x700)] = source.randrange(256)
        try:
            dump = run(bytes(damaged), 0.1)
        except FreeholdError:
            continue
        assert dump.end
