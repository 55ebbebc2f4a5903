"""The options that every command shares which examines files: database, limits, sandbox."""

import argparse
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.model.errors import UsageError
from freehold.model.limits import Limits
from freehold.sandbox.modes import Mode
from freehold.service.pool import Pool

if TYPE_CHECKING:
    from freehold.frontends.listening import Place

_PASSWORD_FILE = 1 << 20
_PASSWORD = 128

_STARVED = 4
"""A process of the lowest priority may have to wait so many times as long as it computes."""

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def add_examination(parser: argparse.ArgumentParser) -> None:
    """Add ``--database`` and what ``add_limits`` adds."""
    parser.add_argument(
        "--database",
        action="append",
        default=[],
        metavar="PATH",
        help="signatures: ClamAV or YARA files, Freehold packs, folders of them, or a compiled bundle; "
        "may be repeated (default: the embedded core pack and all feeds)",
    )
    add_limits(parser)


def add_unwanted(parser: argparse.ArgumentParser) -> None:
    """Add ``--detect-pua``."""
    parser.add_argument(
        "--detect-pua",
        action="store_true",
        help="use ClamAV's files for potentially unwanted programs, too: .hdu .hsu .ldu .mdu .msu .ndu",
    )


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Add what ``open_pool`` reads: the sandbox and the limits."""
    parser.add_argument(
        "--unsafe-no-sandbox",
        action="store_true",
        help="examine files without the kernel's protection where this machine offers none",
    )
    parser.add_argument(
        "--passwords",
        metavar="FILE",
        help="passwords to try on encrypted content, one a line (words of a mail that look like one are tried anyway)",
    )
    usual = Limits()
    group = parser.add_argument_group("limits for one file with everything inside it")
    group.add_argument(
        "--max-depth", type=count, default=usual.depth, metavar="N", help="layers of containers (default: %(default)s)"
    )
    group.add_argument(
        "--max-artifacts",
        type=count,
        default=usual.artifacts,
        metavar="N",
        help=f"files inside files (default: %(default)s, of which small files may hold {usual.artifacts_floor})",
    )
    group.add_argument(
        "--max-unpacked",
        type=size,
        default=usual.unpacked_bytes,
        metavar="SIZE",
        help="bytes that unpacking may produce, like 4G (default: 2G, of which small files may produce 512M)",
    )
    group.add_argument(
        "--max-ratio",
        type=count,
        default=usual.ratio,
        metavar="N",
        help="unpacked bytes for each packed one, beyond the first 64M (default: %(default)s)",
    )
    group.add_argument(
        "--timeout",
        type=seconds,
        default=usual.seconds,
        metavar="SECONDS",
        help="wall time (default: %(default)g)",
    )
    group.add_argument(
        "--max-memory",
        type=size,
        default=usual.worker_memory,
        metavar="SIZE",
        help="address space of a worker (default: 2G)",
    )


def open_pool(
    args: argparse.Namespace,
    bundles: Sequence[Path],
    *,
    jobs: int | None = None,
    all_matches: bool = False,
    tree: bool = False,
    prove: bool = False,
    collect: int = -1,
    older: Iterable[str] = (),
) -> Pool:
    """Start workers as the options ask for them; raises ``TrustError`` when there is no sandbox."""
    mode = Mode.SANDBOX
    if args.unsafe_no_sandbox:
        mode = Mode.PLAIN
    elif prove:
        mode = Mode.PROVE
    return Pool(
        bundles,
        limits_of(args),
        jobs=jobs,
        mode=mode,
        all_matches=all_matches,
        tree=tree,
        collect=collect,
        older=older,
        passwords=passwords_of(args),
    )


def passwords_of(args: argparse.Namespace) -> tuple[bytes, ...]:
    """Return what ``--passwords`` names; raises ``UsageError``."""
    return tuple(_passwords(args.passwords)) if args.passwords else ()


def _passwords(name: str) -> list[bytes]:
    """Read a list of passwords; raises ``UsageError``."""
    try:
        with Path(name).open("rb") as file:
            text = file.read(_PASSWORD_FILE + 1)
    except OSError as error:
        raise UsageError(f"cannot read the passwords: {error.strerror}: {name}") from error
    passwords = [line for line in text.splitlines() if line]
    if len(text) > _PASSWORD_FILE or any(len(password) > _PASSWORD for password in passwords):
        raise UsageError(f"{name}: at most {_PASSWORD_FILE} bytes of passwords of up to {_PASSWORD} bytes are taken")
    return passwords


def limits_of(args: argparse.Namespace) -> Limits:
    """Return the limits that the options ask for; other numbers than the usual ones count for small files, too."""
    usual = Limits()
    own_count, own_bytes = args.max_artifacts != usual.artifacts, args.max_unpacked != usual.unpacked_bytes
    return Limits(
        depth=args.max_depth,
        artifacts=args.max_artifacts,
        artifacts_floor=args.max_artifacts if own_count else usual.artifacts_floor,
        unpacked_bytes=args.max_unpacked,
        unpacked_floor=args.max_unpacked if own_bytes else usual.unpacked_floor,
        ratio=args.max_ratio,
        seconds=args.timeout * _patience(args),
        worker_memory=args.max_memory,
    )


def _patience(args: argparse.Namespace) -> float:
    """Return how many times as long a file may take, as the scan leaves the processors to others."""
    share = getattr(args, "cpu_limit", None) or 100
    return 100 / share * (_STARVED if getattr(args, "io_idle", False) else 1)


def size(text: str) -> int:
    """Read a number of bytes with an optional binary suffix: ``4096``, ``512M``, ``2GiB``."""
    match = re.fullmatch(r"(\d{1,15})([KMGT]?)(?:I?B)?", text.strip().upper())
    if not match:
        raise argparse.ArgumentTypeError(f"'{text}' is not a size; write 4096, 512K, 512M or 2G")
    return int(match[1]) * _UNITS[match[2]]


def count(text: str) -> int:
    """Read a whole number above zero."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above zero")
    return int(text)


def seconds(text: str) -> float:
    """Read a number of seconds above zero."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e7:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds above zero")
    return value


def place(text: str) -> "Place":
    """Read the path of a Unix socket, which is absolute, or an address."""
    return Path(text) if text.startswith("/") else address(text)


def address(text: str) -> tuple[str, int]:
    """Read an address in numbers with a port: ``127.0.0.1:3310``, ``[::1]:3310``."""
    import ipaddress

    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        ipaddress.ip_address(host)
        number = int(port)
    except ValueError:
        number = -1
    if not colon or not 0 <= number < 1 << 16:
        raise argparse.ArgumentTypeError(f"'{text}' is not an address; write 127.0.0.1:3310 or [::1]:3310")
    return host, number
