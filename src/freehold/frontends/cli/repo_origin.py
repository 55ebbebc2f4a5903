"""What watchers of a repository have in common: where it is served, and which root of trust counts."""

import argparse
import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.model.errors import UsageError
from freehold.responses.wording import printable

if TYPE_CHECKING:
    from freehold.updates.client.origins import Origin
    from freehold.updates.client.transfer import Client

_MOST_ROOTS = 1000
_ROOT_BYTES = 8 << 20


def add_origin(parser: argparse.ArgumentParser) -> None:
    """Add the origin and its root of trust."""
    parser.add_argument("origin", metavar="URL|DIR|BUNDLE", help="where the repository is served")
    parser.add_argument("--root", type=Path, metavar="FILE", help="root of trust, the first time")
    parser.add_argument(
        "--root-sha256", metavar="HEX", help="or: its SHA-256, as the publisher says it elsewhere than here"
    )


@contextmanager
def opened(text: str) -> Iterator[tuple["Origin", "Client"]]:
    """Open an origin, with the client that it asks through; raises ``UsageError``."""
    try:
        from freehold.updates.client.origins import origin
        from freehold.updates.client.transfer import Client
        from freehold.updates.monitoring import repository  # noqa: F401 - tuf may be missing
    except ImportError as error:
        raise UsageError("this needs the extra 'update': pip install 'freehold[update]'") from error

    with closing(Client()) as client:
        yield origin(text, client), client


def first_root(args: argparse.Namespace, origin: "Origin", folder: Path) -> bytes | None:
    """Return the root of trust that the user names; None when he names none and one is kept in ``folder``.

    Raises:
        Refusal: the origin cannot be reached.
        UsageError: none is named and none is kept, or there is no such root.
    """
    from freehold.updates.client.trust import PINNED

    root = named_root(args, origin)
    if root is None and not (folder / PINNED).is_file():
        raise UsageError(
            "whom to trust? name the root of trust with --root FILE or --root-sha256 HEX; the publisher says its "
            "SHA-256 in more places than one"
        )
    return root


def named_root(args: argparse.Namespace, origin: "Origin") -> bytes | None:
    """Return the root of trust that the user names, None for none; raises as ``first_root``."""
    if args.root:
        try:
            return bytes(args.root.read_bytes())
        except OSError as error:
            raise UsageError(f"cannot read {printable(str(args.root))}: {error.strerror}") from error
    return _root_with(args.root_sha256.lower(), origin) if args.root_sha256 else None


def served_root(origin: "Origin") -> bytes:
    """Return the first root of trust that is served: nothing vouches for it. Raises ``Refusal``."""
    return b"".join(origin.open("metadata/1.root.json", _ROOT_BYTES) or ())


def _root_with(sha256: str, origin: "Origin") -> bytes:
    from freehold.updates.client.transfer import Absent

    for version in range(1, _MOST_ROOTS):
        try:
            data = b"".join(origin.open(f"metadata/{version}.root.json", _ROOT_BYTES) or ())
        except Absent:
            break
        if hashlib.sha256(data).hexdigest() == sha256:
            return data
    raise UsageError(f"{printable(origin.name)} serves no root of trust with the SHA-256 {sha256[:64]}")
