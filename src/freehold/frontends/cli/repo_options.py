"""What the actions of ``freehold repo`` share: options, keys, progress, answers."""

import argparse
import getpass
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freehold.model.errors import UsageError
from freehold.responses.wording import printable

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

    from freehold.updates.publish.repository import Repository
    from freehold.updates.publish.signing import Signatures

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def add_repository(parser: argparse.ArgumentParser) -> None:
    """Add the repository's folder and ``--json``."""
    parser.add_argument("repository", metavar="REPO", type=Path, help="folder of the repository")
    add_json(parser)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="answer with one JSON object, for programs")


def add_keys(parser: argparse.ArgumentParser) -> None:
    """Add ``--key``, ``--demo`` and ``--passphrase-file``."""
    parser.add_argument(
        "--key",
        dest="keys",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="private key (PEM), or the public half of one that a device or key service keeps; may be repeated",
    )
    parser.add_argument("--demo", action="store_true", help="use all keys of a repository made with 'init --demo'")
    add_passphrase(parser)


def add_passphrase(parser: argparse.ArgumentParser) -> None:
    """Add ``--passphrase-file``."""
    parser.add_argument(
        "--passphrase-file",
        type=Path,
        metavar="FILE",
        help="take the passphrase or PIN from the first line of this file instead of asking for it",
    )


def add_times(parser: argparse.ArgumentParser) -> None:
    """Add ``--published`` and ``--rings``."""
    parser.add_argument(
        "--published",
        type=moment,
        metavar="TIME",
        help="seconds since 1970 or ISO 8601 (default: SOURCE_DATE_EPOCH of the environment, else now)",
    )
    parser.add_argument(
        "--rings",
        type=rings,
        metavar="LIST",
        help="who takes the release when, of a thousand clients: 10@0,100@1h,1000@4h",
    )


def opened(args: argparse.Namespace) -> "Repository":
    """Return the repository that was named; raises ``UsageError``."""
    from freehold.updates.publish.repository import Repository

    return Repository(args.repository)


def signers(args: argparse.Namespace, repository: "Repository") -> "list[Signer]":
    """Open the keys that were named; raises ``UsageError``."""
    from freehold.updates.publish import keys

    paths = list(args.keys)
    if args.demo:
        if not repository.settings.demo:
            raise UsageError(f"{repository.folder} was not made with --demo; name keys with --key")
        paths += sorted((repository.folder / "keys").glob("*.pem"))
    if not paths:
        raise UsageError("name at least one key with --key")
    return [keys.open_signer(path, secret(args)) for path in paths]


def secret(args: argparse.Namespace) -> Callable[[str], str]:
    """Return what asks for passphrases."""

    def ask(what: str) -> str:
        if args.passphrase_file is not None:
            return read_passphrase(args.passphrase_file)
        if not sys.stdin.isatty():
            raise UsageError(f"the {what} is needed; there is no terminal to ask, so name a --passphrase-file")
        return getpass.getpass(f"{what}: ")

    return ask


def read_passphrase(path: Path) -> str:
    """Return the first line of a file; raises ``UsageError``."""
    try:
        return path.read_text("utf-8").split("\n", 1)[0]
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {error}") from error


def answer(args: argparse.Namespace, facts: dict[str, Any], lines: Sequence[str]) -> None:
    """Print what came out: facts for programs, lines for people."""
    if args.json:
        print(json.dumps(facts, indent=2))
    else:
        print("\n".join(map(printable, lines)))


def tell(text: str) -> None:
    """Say something that does not keep the action from going on."""
    print(f"freehold: {printable(text)}", file=sys.stderr)


def waiting(repository: "Repository") -> "list[Signatures]":
    """Return how far the signatures of all that is staged are."""
    from freehold.updates.publish import signing

    return signing.progress(repository)


def signature_lines(states: "Sequence[Signatures]", folder: Path) -> list[str]:
    """Say in lines for people what is signed by whom, and what to do next."""
    lines = []
    for state in states:
        by = f"signed by {', '.join(state.signed)}" if state.signed else "not signed"
        lack = f"; {state.wanted} more of: {', '.join(state.missing)}" if state.wanted else ""
        lines.append(f"  {state.role} {state.version}: {by}{lack}")
    roles = {state.role for state in states}
    if states and all(state.complete for state in states) and "timestamp" in roles:
        lines.append(f"All is signed: freehold repo publish {folder}")
    elif states:
        lines.append(f"Send {folder / 'staged'} to who has to sign; take it back with 'freehold repo merge'")
    return lines


def signature_facts(states: "Sequence[Signatures]") -> list[dict[str, Any]]:
    """Say the same for programs."""
    return [
        {
            "role": state.role,
            "version": state.version,
            "signed": list(state.signed),
            "missing": list(state.missing),
            "wanted": state.wanted,
        }
        for state in states
    ]


@contextmanager
def shown() -> Iterator[Callable[[str, float], None]]:
    """Give a function that shows how far something is, on a terminal only."""
    from freehold.frontends.cli.db import shown as bar

    with bar() as progress:
        yield progress


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def moment(text: str) -> int:
    """Read a time: seconds since 1970, or ISO 8601, of which UTC is meant without a zone."""
    if re.fullmatch(r"[0-9]{1,11}", text):
        return int(text)
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no time; write 2026-11-28T12:00:00Z") from None
    return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())


def rings(text: str) -> tuple[tuple[int, int], ...]:
    """Read ``10@0,100@1h,1000@4h``."""
    found = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,4})@([0-9]{1,7})([smhd]?)\s*", part)
        if match is None:
            raise argparse.ArgumentTypeError(f"'{part}' is no ring; write SHARE@TIME, as 10@0,100@1h,1000@4h")
        found.append((int(match[1]), int(match[2]) * _UNITS[match[3]]))
    widen = all(one[0] < two[0] and one[1] < two[1] for one, two in pairwise(found))
    if not widen or found[-1][0] != 1000 or len(found) > 8:
        raise argparse.ArgumentTypeError("rings widen, with time, up to 1000 of a thousand: 10@0,100@1h,1000@4h")
    return tuple(found)


def named(text: str) -> tuple[str, str]:
    """Read ``ROLE=VALUE``."""
    role, equals, value = text.partition("=")
    if not equals or not role or not value:
        raise argparse.ArgumentTypeError(f"'{text}' is not ROLE=VALUE, as in root=alice.pem.pub")
    return role, value


def role_number(text: str) -> tuple[str, int]:
    """Read ``ROLE=NUMBER``."""
    role, value = named(text)
    if not re.fullmatch(r"[1-9][0-9]{0,2}", value):
        raise argparse.ArgumentTypeError(f"'{value}' is not a number above zero")
    return role, int(value)
