"""``freehold doctor``: what protects this machine, and the proof of it."""

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import sys
import time
from dataclasses import asdict
from pathlib import Path

from freehold import __version__
from freehold.frontends.cli.databases import CORE
from freehold.model.errors import TrustError
from freehold.model.native import LIBRARIES, NativeLibrary
from freehold.sandbox import landlock, lockdown
from freehold.sandbox.proof import Proof, prove
from freehold.sandbox.spool import spool_directory

_DAY = 86_400


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = (
        "Show what protects this machine, and prove it: processes confined as the ones that read files are\n"
        "try to break out in every way known to us. Exit status 1 when one succeeds, or when there is no sandbox."
    )
    parser.epilog = (
        "examples:\n  freehold doctor\n  freehold doctor --json > proof.json\n"
        "  freehold doctor --service              what the kernel says of a daemon's workers, while they work\n"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.add_argument("--service", action="store_true", help="look at the processes of a running daemon instead")
    parser.add_argument(
        "--control", type=Path, metavar="PATH", help="with --service: the daemon's control socket (default: the usual)"
    )


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    if args.service:
        from freehold.frontends.cli import doctor_service

        return doctor_service.run(args.control, as_json=args.json)
    facts = _facts()
    obstacle = ""
    proof = None
    holds = False
    try:
        proof = prove() if sys.platform == "linux" else None
        facts["emulator"], holds = _emulator(confined=proof is not None)
    except TrustError as error:
        obstacle = str(error)
    if proof is None and not obstacle:
        obstacle = f"not sandboxed on this platform ({sys.platform}): files are examined with the rights of the user"
    print(_as_json(facts, proof, obstacle) if args.json else _as_text(facts, proof, obstacle))
    return 0 if proof is not None and proof.holds and holds else 1


def _facts() -> dict[str, str]:
    """Return what is worth knowing of this machine, in the order of showing."""
    facts = {
        "freehold": f"{__version__}, Python {platform.python_version()}",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
    }
    if sys.platform == "linux":
        version = landlock.abi()
        facts["landlock"] = f"version {version} of its interface" if version else "missing"
        facts["user"] = _user()
    facts["database"] = _database()
    facts["spool"] = _spool()
    for library in LIBRARIES:
        facts[library.name.lower()] = _library(library)
    return facts


def _user() -> str:
    if os.geteuid() == 0:
        return f"root; workers become user {lockdown.NOBODY} with an empty file system"
    return f"{os.geteuid()}; workers keep this user id, and lose every right that it has"


def _database() -> str:
    files = list(CORE.glob("*.toml"))
    if not files:
        return "no core pack"
    days = (time.time() - max(file.stat().st_mtime for file in files)) / _DAY
    return f"core pack, {len(files)} files, {days:.0f} days old"


def _spool() -> str:
    directory = spool_directory()
    return f"{directory}, {shutil.disk_usage(directory).free / 2**30:.1f} GiB free"


def _library(library: NativeLibrary) -> str:
    found = next((path for path in library.paths if Path(path).exists()), None)
    return found or f"missing, so nothing inside {library.formats} is examined; install {library.package}"


def _emulator(*, confined: bool) -> tuple[str, bool]:
    """Return what can be said of the emulator, and whether its processes are confined; they are if there are none."""
    if importlib.util.find_spec("icicle") is None:
        return "missing, so of packed programs only UPX's are unpacked; install freehold[emulation]", True
    version = f"icicle-emu {importlib.metadata.version('icicle-emu')}"
    if not confined:
        return version, True
    proof = prove(emulating=True)
    failed = [attempt for attempt in proof.attempts if attempt.blocked]
    if not proof.holds:
        return f"{version}; THE SANDBOX OF ITS PROCESSES LEAKS", False
    return (
        f"{version}; {len(failed)} of {len(proof.attempts)} attempts fail there, but it may turn memory into code",
        True,
    )


def _as_json(facts: dict[str, str], proof: Proof | None, obstacle: str) -> str:
    attempts = [] if proof is None else [asdict(attempt) | {"blocked": attempt.blocked} for attempt in proof.attempts]
    return json.dumps(
        facts
        | {
            "sandbox": "" if proof is None else proof.sandbox,
            "obstacle": obstacle,
            "attempts": attempts,
            "forbidden_call_ends_with": "" if proof is None else proof.end,
            "holds": proof is not None and proof.holds,
        },
        indent=2,
    )


def _as_text(facts: dict[str, str], proof: Proof | None, obstacle: str) -> str:
    lines = [f"{name:<11}{value}" for name, value in facts.items()]
    if proof is None:
        return "\n".join([*lines, "", obstacle])
    lines += [f"{'sandbox':<11}{proof.sandbox}", ""]
    wide = max(len(attempt.name) for attempt in proof.attempts)
    lines.append(f"{'':<10}  {'a process tries to':<{wide}}  {'ordinary':<16}  confined")
    group = ""
    for attempt in proof.attempts:
        shown = "" if attempt.group == group else attempt.group
        group = attempt.group
        outcome = f"blocked ({attempt.confined})" if attempt.blocked else "SUCCEEDED"
        lines.append(f"{shown:<10}  {attempt.name:<{wide}}  {attempt.ordinary:<16}  {outcome}")
    return "\n".join([*lines, "", _conclusion(proof)])


def _conclusion(proof: Proof) -> str:
    escaped = [attempt.name for attempt in proof.attempts if not attempt.blocked]
    if escaped:
        return f"THE SANDBOX LEAKS: a confined process could {', '.join(escaped)}."
    if not proof.holds:
        return f"THE SANDBOX LEAKS: a forbidden system call ended a worker with {proof.end or 'nothing'}."
    return (
        f"All {len(proof.attempts)} attempts failed. "
        "For this proof each got an error; in a scan the kernel ends the worker (SIGSYS: shown as well)."
    )
