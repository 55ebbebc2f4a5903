"""Large files of a bundle: what touching them costs."""

import re
import sys
from pathlib import Path

import pytest

from freehold.bundle.layout import BLOCK, block_sum
from freehold.bundle.mapped import Mapped, map_file


def resident(path: Path) -> int:
    """Return how many bytes of a mapped file are in this process' memory, by the kernel's account."""
    maps = Path("/proc/self/smaps").read_text()
    found = re.findall(rf"{re.escape(str(path))}\n(?:\w+: .*\n)*?Rss: +(\d+) kB", maps)
    return sum(map(int, found)) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the memory of a mapping")
def test_memory_stays_small_however_much_of_a_file_is_touched(tmp_path: Path) -> None:
    file = tmp_path / "column"
    blocks = 4096
    with file.open("wb") as writer:
        writer.writelines(number.to_bytes(4, "big") * (BLOCK // 4) for number in range(blocks))
    contents = map_file(file, blocks * BLOCK)
    sums = b"".join(block_sum(contents[at : at + BLOCK]) for at in range(0, len(contents), BLOCK))
    assert resident(file) == len(contents)
    mapped = Mapped(str(file), contents, sums)
    for _ in range(2):
        read = [mapped.bytes(number * BLOCK, number * BLOCK + 4) for number in range(blocks)]
        assert read == [number.to_bytes(4, "big") for number in range(blocks)]
    assert resident(file) < len(contents) // 4
