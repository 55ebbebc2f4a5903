"""From what the user names as databases to compiled bundles.

A compiled bundle is used as it is. Signature files and folders, the embedded core pack among them, are compiled
together once, into the cache (``service.private``); as long as no source changes, later runs only look at the files'
status. Where the cache cannot be used, the bundle goes to a temporary directory for this run.
"""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import freehold
from freehold.bundle.layout import FORMAT, MANIFEST, canonical, machine
from freehold.feeds.state import bundles as installed_feeds
from freehold.model.errors import UsageError
from freehold.model.rights import right_of
from freehold.service.private import cache_directory

CORE = Path(freehold.__file__).parent / "signatures" / "core"
"""The embedded default database."""

_KEPT = 16
"""Compiled databases that the cache keeps; what was not used for the longest time goes first."""

_MARKED_EVERY = 3600.0
"""Seconds after which a use is noted again."""

_SHOWN = 5
"""Rejected signatures that are shown one by one."""


class NotCompiled(Exception):
    """Something must be compiled first, and is not to be."""


def resolve(databases: Sequence[str], *, unwanted: bool = False, compiles: bool = True) -> list[Path]:
    """Return the compiled bundles for these databases; without any, those of the core pack and of all feeds.

    Args:
        databases: paths of bundles, signature files and folders of them.
        unwanted: take ClamAV's files for potentially unwanted programs, too.
        compiles: compile what has not been compiled yet.

    Raises:
        NotCompiled: something must be compiled, and is not to be.
        UsageError: a database does not exist or is of no known kind; or ``unwanted`` could have no effect, because
            all databases are compiled already.
    """
    bundles: list[Path] = []
    sources: list[Path] = []
    for path in map(Path, databases):
        (bundles if (path / MANIFEST).is_file() else sources).append(path)
    if sources:
        bundles.append(_compiled(sources, unwanted=unwanted, compiles=compiles))
    elif unwanted:
        raise UsageError(
            "--detect-pua decides what is compiled: name signature files with --database, or give it to "
            "'freehold db build' or 'freehold feed add'"
        )
    return bundles or [core(), *installed_feeds()]


def state(databases: Sequence[str], others: Sequence[Path] = ()) -> str:
    """Return a text that changes when ``resolve`` would find something else, or one of the other files is another."""
    import hashlib

    chosen = [*map(Path, databases), *installed_feeds()]
    parts: list[object] = [[str(path), right_of(path)] for path in chosen]
    for path in [*chosen, *others]:
        manifest = path / MANIFEST
        try:
            parts += _status(manifest if manifest.is_file() else path)
        except UsageError as error:
            parts.append(str(error))
    return hashlib.sha256(canonical(parts)).hexdigest()


def core() -> Path:
    """Return the compiled core pack."""
    return _compiled([CORE])


def denied(signatures: str, *, compiles: bool = True) -> list[Path]:
    """Return the bundle of hash signatures in ClamAV's format that the user's lists add, none when there are none."""
    if not signatures:
        return []
    import hashlib

    source = (cache_directory() or _temporary()) / f"denied-{hashlib.sha256(signatures.encode()).hexdigest()[:16]}.hsb"
    if not source.exists():
        aside = source.with_suffix(f".{os.getpid()}")
        aside.write_text(signatures, encoding="ascii")
        aside.replace(source)
    return [_compiled([source], compiles=compiles)]


def policy_bundle(packs: Sequence[Path], *, weak: bool) -> Path:
    """Return the bundle for policy packs; ``weak``: with the indicators that prove nothing by themselves."""
    return _compiled(list(packs), weak=weak)


def names(databases: Sequence[str], bundles: Sequence[Path]) -> tuple[str, ...]:
    """Return what people call the bundles that ``resolve`` found for these databases."""
    return tuple(databases) or ("core pack", *(f"feed {bundle.parent.name}" for bundle in bundles[1:]))


def _compiled(sources: list[Path], *, unwanted: bool = False, weak: bool = False, compiles: bool = True) -> Path:
    """Return the bundle for these sources, from the cache when it is there."""
    cache = cache_directory() or _temporary()
    bundle = cache / _key(sources, unwanted=unwanted, weak=weak)
    if not (bundle / MANIFEST).is_file():
        if not compiles:
            raise NotCompiled
        _compile(sources, bundle, unwanted=unwanted, weak=weak)
        _prune(cache)
    _mark_used(bundle)
    return bundle


def _mark_used(bundle: Path) -> None:
    """Let a bundle be among the newest of the cache: a daemon may need it for weeks."""
    with suppress(OSError):
        if time.time() - bundle.stat().st_mtime > _MARKED_EVERY:
            os.utime(bundle)


def _key(sources: list[Path], *, unwanted: bool, weak: bool) -> str:
    """Return a name that changes with the sources, with Freehold, with the compilers' libraries and with the CPU."""
    import hashlib

    parts = [freehold.__version__, FORMAT, machine(), _cpu(), list(_libraries()), [list(_status(s)) for s in sources]]
    parts += ["unwanted"] * unwanted + ["weak"] * weak
    return hashlib.sha256(canonical(parts)).hexdigest()[:32]


def _status(source: Path) -> Iterator[list[str | int]]:
    """Yield what changes when a source file does, for each file of a source."""
    if not source.is_dir():
        yield _file_status(str(source))
        return
    yield [str(source.resolve())]
    for folder, folders, names in os.walk(source):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            yield _file_status(os.path.join(folder, name))  # noqa: PTH118 - there may be many


def _file_status(path: str) -> list[str | int]:
    try:
        status = os.stat(path)  # noqa: PTH116 - there may be many
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    return [os.path.abspath(path), status.st_size, status.st_mtime_ns, status.st_ino]  # noqa: PTH100 - see above


def _libraries() -> Iterator[list[str | int]]:
    """Yield the status of the libraries whose versions a compiled database depends on, without importing them."""
    from importlib.util import find_spec

    for name in ("hyperscan", "yara_x"):
        spec = find_spec(name)
        if spec is not None and spec.origin is not None:
            yield _file_status(spec.origin)


def _cpu() -> str:
    """Return what the first processor can do: a home directory may be shared by different machines."""
    try:
        with open("/proc/cpuinfo", "rb", buffering=0) as file:  # noqa: PTH123 - unbuffered, and often
            text = file.read(4096)
    except OSError:
        return ""
    return next((line.decode("ascii", "replace") for line in text.splitlines() if line.startswith(b"flags")), "")


def _temporary() -> Path:
    """Return a directory that is removed when this process ends."""
    import atexit
    import shutil
    import tempfile

    path = Path(tempfile.mkdtemp(prefix="freehold-"))
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:
            shutil.rmtree(path, ignore_errors=True)

    atexit.register(remove)
    return path


def _compile(sources: list[Path], bundle: Path, *, unwanted: bool, weak: bool) -> None:
    """Compile sources, and say on standard error what could not be honoured."""
    from freehold.signatures.compile import build

    if sys.stderr.isatty():
        print("freehold: compiling signatures; this happens once after each change", file=sys.stderr)
    result = build(sources, bundle, unwanted=unwanted, weak=weak)
    for rejected in result.rejected[:_SHOWN]:
        print(f"freehold: {rejected.source}:{rejected.line}: left out: {rejected.reason}", file=sys.stderr)
    if len(result.rejected) > _SHOWN:
        print(f"freehold: {len(result.rejected)} signatures left out; see 'freehold db build'", file=sys.stderr)


def _prune(cache: Path) -> None:
    """Remove the bundles that were not used for the longest time."""
    import shutil

    bundles = sorted((path for path in cache.iterdir() if len(path.name) == 32), key=lambda path: -path.stat().st_mtime)
    for bundle in bundles[_KEPT:]:
        shutil.rmtree(bundle, ignore_errors=True)
