"""``freehold repo witness``: sign the heads of other people's logs, if they never rewrite their history."""

import argparse
import contextlib
import os
import signal
import sys
from http import HTTPStatus
from pathlib import Path
from types import FrameType
from typing import NoReturn

from freehold.frontends.cli import options
from freehold.model.errors import MalformedInput, TrustError, UsageError
from freehold.responses.wording import printable
from freehold.updates import durable
from freehold.updates.tlog.keys import Kind, SigningKey, VerifierKey
from freehold.updates.tlog.policies import Policy

KEY = "witness.key"
HEADS = "heads"
"""Name of the folder with the last head of each log."""

_LARGEST = 1 << 20

_EXAMPLES = """\
A witness makes sure that everybody is offered the same releases: it signs the head of a log only when that continues
the head that it signed before, and says when. Clients accept no release that too few witnesses have seen. It speaks
C2SP tlog-witness: POST /add-checkpoint, GET /SHA-256 OF ORIGIN/checkpoint. Put a proxy with TLS before it.

The first start makes a key; --show-key prints what publishers put into their policy. Never restore the folder from a
backup: the witness would sign a second history. If it is lost, begin with a new folder and a new key.

exit status: 0 ended as asked, 3 or higher: usage or internal errors

examples:
  freehold repo witness --data /var/lib/freehold/witness --name witness.example.org/w1 --show-key
  freehold repo witness --data /var/lib/freehold/witness --name witness.example.org/w1 \\
      --log 'example.com/log+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx' --listen 127.0.0.1:8037
  freehold repo witness --data ./w1 --name example.org/w1 --policy core.tlog-policy    every log of a policy
  freehold repo witness --data ./w1 --policy core.tlog-policy --answer w1.request > cosignature    without a network
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli.repo``."""
    parser.epilog = _EXAMPLES
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with the key and the memory")
    parser.add_argument(
        "--name", metavar="NAME", help="how the witness is called; a URL without https:// by custom (first start)"
    )
    parser.add_argument("--ml-dsa", action="store_true", help="sign with a second key that outlives quantum computers")
    parser.add_argument("--show-key", action="store_true", help="print the public keys, and end")
    parser.add_argument(
        "--log", action="append", default=[], metavar="KEY", help="verifier key of a log that may ask (repeatable)"
    )
    parser.add_argument("--policy", type=Path, metavar="FILE", help="logs of a tlog-policy file may ask")
    parser.add_argument(
        "--answer",
        type=Path,
        metavar="FILE",
        help="answer a request that was carried here, as 'freehold repo publish --requests' writes it, and end",
    )
    parser.add_argument(
        "--listen",
        type=options.address,
        default=("127.0.0.1", 8037),
        metavar="HOST:PORT",
        help="address in numbers; port 0 takes a free one (default: 127.0.0.1:8037)",
    )


def run(args: argparse.Namespace) -> int:
    """Make keys if there are none, and serve until somebody ends it."""
    kinds = [Kind.COSIGNATURE, *([Kind.COSIGNATURE_ML_DSA_44] if args.ml_dsa else [])]
    keys = [_key(args.data, kind, args.name) for kind in kinds]
    if args.show_key:
        print(*(key.verifier for key in keys), sep="\n")
        return 0
    logs = _logs(args)
    if not logs:
        raise UsageError("which logs may ask? name the key of each with --log, or a policy with --policy")
    if args.answer:
        _answer(args, keys, logs)
    else:
        _serve(args, keys, logs)
    return 0


def _answer(args: argparse.Namespace, keys: list[SigningKey], logs: list[VerifierKey]) -> None:
    from freehold.updates.tlog.witness import Witness

    with contextlib.closing(Witness(args.data / HEADS, keys, logs)) as witness:
        answer = witness.add_checkpoint(_read(args.answer))
    text = answer.body.decode().strip()  # a size, or a reason
    if answer.status == HTTPStatus.CONFLICT:
        raise UsageError(f"the request does not begin where this witness is: it has signed {text} entries of the log")
    if answer.status != HTTPStatus.OK:
        raise TrustError(f"not signed: {printable(text)}")
    sys.stdout.buffer.write(answer.body)  # UTF-8, whatever the terminal has


def _serve(args: argparse.Namespace, keys: list[SigningKey], logs: list[VerifierKey]) -> None:
    from freehold.frontends.listening import tcp_listener
    from freehold.frontends.witness import Server
    from freehold.service.log import Log
    from freehold.updates.tlog.witness import Witness

    witness = Witness(args.data / HEADS, keys, logs)
    signal.signal(signal.SIGTERM, _end)
    with contextlib.closing(witness), tcp_listener(*args.listen) as listener:
        host, port = listener.getsockname()[:2]
        with Server(listener, witness, Log()) as server, contextlib.suppress(KeyboardInterrupt):
            for key in keys:
                print(f"witness {key.verifier}")
            print(f"serving {len(logs)} logs on http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)
            server.serve_forever()


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _logs(args: argparse.Namespace) -> list[VerifierKey]:
    keys = [_log(text) for text in args.log]
    if args.policy:
        keys += [log.key for log in Policy.parse(_read(args.policy)).logs]
    return list(dict.fromkeys(keys))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(f"cannot read {printable(str(path))}: {error.strerror}") from error


def _log(text: str) -> VerifierKey:
    key = VerifierKey.parse(text)
    if key.kind is Kind.COSIGNATURE:
        raise UsageError(f"the key of {key.name} is that of a witness, not of a log")
    return key


def _key(folder: Path, kind: Kind, name: str | None) -> SigningKey:
    """Read a key, or make it at the first start."""
    path = folder / (KEY if kind is Kind.COSIGNATURE else f"ml-dsa-{KEY}")
    try:
        if not path.exists():
            if not name:
                raise UsageError(f"there is no key in {printable(str(folder))} yet: say --name to make one")
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            durable.write(path, f"{SigningKey.generate(name, kind).secret()}\n".encode(), mode=0o600)
        if path.stat().st_mode & 0o077 and os.name == "posix":
            raise UsageError(f"{printable(str(path))} can be read by others: chmod 600 it")
        key = SigningKey.parse(path.read_text(encoding="utf-8").strip())
    except OSError as error:
        raise UsageError(f"cannot keep a key in {printable(str(folder))}: {error.strerror}") from error
    except (UnicodeDecodeError, MalformedInput) as error:
        raise UsageError(f"{printable(str(path))} is no signing key: {error}") from error
    if name and key.verifier.name != name:
        raise UsageError(f"the witness in {printable(str(folder))} is called {key.verifier.name}, not {name}")
    if key.verifier.kind is not kind:
        raise UsageError(f"{printable(str(path))} is a key of another kind")
    return key
