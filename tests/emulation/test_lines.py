"""Lines are code from when they are executed until they are written to."""

from freehold.emulation.cpu import PAGE
from freehold.emulation.lines import LINE, Lines

MEMORY = [(0x400000, 0x403000)]


def test_a_page_becomes_code_as_a_whole_and_a_written_line_stops_being_code():
    lines = Lines()
    assert lines.executed(0x401010, MEMORY)
    assert list(lines.runs()) == [(0x401000, PAGE)]
    assert not lines.executed(0x401800, MEMORY)
    assert lines.written(0x401000 + 3 * LINE) == {0x401000 // LINE + 3}
    assert list(lines.runs()) == [(0x401000, 3 * LINE), (0x401000 + 4 * LINE, PAGE - 4 * LINE)]
    assert lines.executed(0x401000 + 3 * LINE, MEMORY)
    assert list(lines.runs()) == [(0x401000, PAGE)]


def test_what_was_written_to_stays_data_when_its_page_is_executed_elsewhere():
    lines = Lines()
    lines.executed(0x401010, MEMORY)
    lines.written(0x401000 + 5 * LINE)
    lines.forget(0x401000, LINE)
    assert lines.executed(0x401000, MEMORY)
    assert not lines.hold(0x401000 + 5 * LINE, 4)


def test_an_instruction_over_the_end_of_a_page_makes_both_code():
    lines = Lines()
    assert lines.executed(0x401FFA, MEMORY)
    assert lines.hold(0x402000, 1)
    assert not lines.hold(0x402000 + LINE, 1)


def test_nothing_outside_of_memory_is_code():
    assert not Lines().executed(0x500000, MEMORY)
