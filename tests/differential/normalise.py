"""Normal forms as ClamAV's ``sigtool`` makes them, and the rate of agreement over a corpus.

``python -m tests.differential.normalise PATH...`` compares every HTML file below the paths.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from freehold.engine.normalise import html, javascript
from freehold.model.limits import Budget, Limits

SIGTOOL = shutil.which("sigtool")
FORMS = ("nocomment", "notags", "javascript")


def by_sigtool(page: bytes) -> dict[str, bytes | None]:
    """Return the forms that ``sigtool --html-normalise`` writes; None for a page without scripts."""
    assert SIGTOOL, "sigtool is not installed"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "page")
        source.write_bytes(page)
        subprocess.run([SIGTOOL, "--html-normalise", str(source)], cwd=folder, capture_output=True, check=False)
        made = [Path(folder, name) for name in ("nocomment.html", "notags.html", "javascript")]
        return {name: path.read_bytes() if path.exists() else None for name, path in zip(FORMS, made, strict=True)}


def text_by_sigtool(text: bytes) -> bytes:
    """Return what ``sigtool --ascii-normalise`` writes."""
    assert SIGTOOL, "sigtool is not installed"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "text")
        source.write_bytes(text)
        subprocess.run([SIGTOOL, "--ascii-normalise", str(source)], cwd=folder, capture_output=True, check=False)
        return Path(folder, "normalised_text").read_bytes()


def ours(page: bytes) -> dict[str, bytes | None]:
    """Return the forms that Freehold makes."""
    budget = Budget(Limits())
    made = html.normalise(page, budget)
    source = javascript.normalise(made.scripts, budget) if made.scripts else None
    return {"nocomment": made.nocomment, "notags": made.notags, "javascript": source}


def _main() -> None:
    pages = same = apart = 0
    found = (path for root in sys.argv[1:] for path in Path(root).rglob("*.html") if path.is_file())
    for path in found:
        page = path.read_bytes()
        expected, made = by_sigtool(page), ours(page)
        pages += 1
        same += expected == made
        apart += {k: (v or b"").split() for k, v in expected.items()} == {
            k: (v or b"").split() for k, v in made.items()
        }
        if expected != made:
            print(path, [name for name in FORMS if expected[name] != made[name]])
    print(f"{pages} pages, {same} equal, {apart} with the same words")


if __name__ == "__main__":
    _main()
