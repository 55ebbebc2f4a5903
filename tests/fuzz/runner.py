"""Runs one fuzz target: ``python -m tests.fuzz.runner NAME SECONDS``; see ``tests.fuzz.run`` for all of them.

Atheris guides the search by coverage where it is installed; otherwise samples are mutated at random. An input that
fails is kept under ``regressions/NAME``, where ``test_regressions.py`` finds it.
"""

import hashlib
import importlib.util
import itertools
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.mutate import mutations

HERE = Path(__file__).parent
Target = Callable[[bytes], None]


def load(name: str) -> Target:
    """Return the target of ``fuzz_NAME.py``."""
    target: Target = importlib.import_module(f"tests.fuzz.fuzz_{name}").target
    return target


def seeds(name: str) -> list[Path]:
    """Return the samples that a target begins with."""
    folders = [HERE / "seeds" / name, HERE / "regressions" / name]
    samples = getattr(importlib.import_module(f"tests.fuzz.fuzz_{name}"), "SAMPLES", (name,))
    folders += [HERE.parent / "formats" / kind / sample for kind in ("golden", "malformed") for sample in samples]
    return sorted(path for folder in folders if folder.is_dir() for path in folder.iterdir())


def _regressions(name: str) -> Path:
    folder = HERE / "regressions" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _guided(name: str, seconds: int) -> None:
    import atheris

    with atheris.instrument_imports(include=["freehold"]):
        target = load(name)
    with tempfile.TemporaryDirectory() as corpus:
        for number, path in enumerate(seeds(name)):
            (Path(corpus) / str(number)).write_bytes(path.read_bytes())
        options = [f"-max_total_time={seconds}", f"-artifact_prefix={_regressions(name)}/", "-timeout=60"]
        atheris.Setup([sys.argv[0], corpus, *options, "-rss_limit_mb=1500", "-max_len=65536"], target)
        atheris.Fuzz()


def _random(name: str, seconds: int) -> None:
    target = load(name)
    samples = [path.read_bytes() for path in seeds(name)] or [bytes(64)]
    end = time.monotonic() + seconds
    for data in itertools.takewhile(lambda _: time.monotonic() < end, mutations(samples, int(end))):
        try:
            target(data)
        except BaseException:
            (_regressions(name) / f"crash-{hashlib.sha1(data, usedforsecurity=False).hexdigest()}").write_bytes(data)
            raise


def main() -> None:
    name, seconds = sys.argv[1], int(sys.argv[2])
    if importlib.util.find_spec("atheris") is not None:
        _guided(name, seconds)
    else:
        _random(name, seconds)


if __name__ == "__main__":
    main()
