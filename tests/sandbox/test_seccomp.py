"""The table of system calls against the kernel's own headers, and the filter against the kernel."""

import re
from pathlib import Path

import pytest

TABLE = Path(__file__).parents[2] / "src/freehold/sandbox/syscalls.tsv"
ROWS = [line.split("\t") for line in TABLE.read_text().splitlines() if not line.startswith("#")]


def numbers(header: Path) -> dict[str, int]:
    if not header.exists():
        pytest.skip(f"{header} is missing (Debian package linux-libc-dev)")
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)$", header.read_text(), re.MULTILINE)
    return {name: int(number) for name, number in found}


@pytest.mark.parametrize(
    ("column", "header"),
    [(1, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), (2, "/usr/include/asm-generic/unistd.h")],
    ids=["x86-64", "arm64"],
)
def test_numbers_are_the_kernels(column: int, header: str) -> None:
    kernel = numbers(Path(header))
    # The generic table calls these by the name of their 32-bit sibling.
    kernel.setdefault("newfstatat", kernel.get("fstatat", -1))
    for row in ROWS:
        if row[column] != "-":
            assert kernel[row[0]] == int(row[column]), row[0]


def test_nothing_that_opens_connects_or_starts_is_let_through() -> None:
    let_through = {row[0] for row in ROWS if row[3] != "refused"}
    forbidden = "open openat openat2 creat socket socketpair connect bind listen accept4 sendto sendmsg execve execveat"
    forbidden += (
        " fork vfork clone clone3 ptrace process_vm_readv kill tkill memfd_create io_uring_setup io_uring_enter"
    )
    forbidden += " bpf unshare setns mount chroot setuid setresuid stat newfstatat statx fcntl ioctl prctl pidfd_open"
    assert not let_through & set(forbidden.split())
