"""Pictures have the hashes that ``sigtool`` computes, and signatures that ask for them match."""

import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.differential import clamscan, engine
from tests.formats.pictures import EXACT, encoded, random_picture

from freehold.formats.picturehash import picture_hash
from freehold.model.limits import Budget, Limits
from freehold.model.view import BytesView

SIGTOOL = shutil.which("sigtool")
pytestmark = pytest.mark.skipif(SIGTOOL is None or clamscan.CLAMSCAN is None, reason="clamscan is not installed")

SEED = 5


def sigtool_hash(content: bytes, folder: Path) -> str | None:
    (folder / "picture").write_bytes(content)
    done = subprocess.run([SIGTOOL, "--fuzzy-img", folder / "picture"], capture_output=True, check=False)
    found = re.search(rb"picture: ([0-9a-f]{16})$", done.stdout, re.MULTILINE)
    return found[1].decode() if found else None


def our_hash(content: bytes, file_type: str) -> str | None:
    digest = picture_hash(BytesView(content), file_type, Budget(Limits()))
    return None if digest is None else digest.hex()


@pytest.mark.parametrize("file_type", EXACT)
def test_pictures_that_are_decoded_exactly(file_type: str, tmp_path: Path) -> None:
    rng = random.Random(SEED)
    seen = set()
    for _ in range(25):
        content = encoded(random_picture(rng), EXACT[file_type])
        theirs = sigtool_hash(content, tmp_path)
        assert our_hash(content, file_type) == theirs
        seen.add(theirs)
    assert len(seen) > 10


def test_most_jpeg_pictures(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    equal = 0
    for _ in range(40):
        content = encoded(random_picture(rng), "JPEG", quality=rng.choice([30, 75, 95]), progressive=rng.random() < 0.3)
        ours, theirs = our_hash(content, "jpeg"), sigtool_hash(content, tmp_path)
        assert ours is not None
        assert theirs is not None
        equal += ours == theirs
    assert equal >= 32


def test_what_is_no_picture_has_no_hash(tmp_path: Path) -> None:
    whole = encoded(random_picture(random.Random(SEED)), "PNG")
    assert our_hash(whole[: len(whole) // 2], "png") is None is sigtool_hash(whole[: len(whole) // 2], tmp_path)
    assert our_hash(b"GIF89a", "gif") is None is sigtool_hash(b"GIF89a", tmp_path)


def test_signatures_that_ask_for_pictures(tmp_path: Path) -> None:
    """Of pictures that fit into a window of ``clamscan``, which counts others once for each window."""
    rng = random.Random(SEED)
    contents = [encoded(random_picture(rng), rng.choice(list(EXACT.values()))) for _ in range(40)]
    tails = [b"", b"mark-one", b"mark-two mark-two"]
    contents = [content + rng.choice(tails) for content in contents if len(content) < 100_000]
    hashes = [digest for content in contents if (digest := sigtool_hash(content, tmp_path))]
    assert len(hashes) > 20
    lines = []
    for number, digest in enumerate([*hashes, "0123456789abcdef"]):
        image = f"fuzzy_img#{digest.upper() if number % 2 else digest}" + "#0" * (number % 3 > 0)
        lines += [
            f"A{number};Engine:150-255,Target:0;0;{image}",
            f"B{number};Engine:150-255,Target:5;0&1;{image};6d61726b2d6f6e65",
            f"C{number};Engine:150-255,Target:5;(0|1>1)>1;{image};6d61726b2d74776f",
            f"D{number};Engine:150-255,Target:5;0=0&1;{image};6d61726b2d74776f",
            f"E{number};Engine:150-255,Target:1;0;{image}",
        ]
    databases = {"a.ldb": "\n".join(lines).encode() + b"\n"}
    theirs = clamscan.scan(databases, contents, tmp_path)
    assert engine.scan(databases, contents, tmp_path) == theirs
    found = {name[0] for names in theirs for name in names}
    assert found == {"A", "B", "C", "D"}


def test_a_picture_counts_once(tmp_path: Path) -> None:
    content = encoded(random_picture(random.Random(SEED)), "PNG") + bytes(1 << 18)
    line = f"A;Engine:150-255,Target:5;0=1;fuzzy_img#{sigtool_hash(content, tmp_path)}"
    databases = {"a.ldb": line.encode() + b"\n"}
    assert engine.scan(databases, [content], tmp_path) == [{"A"}]
    assert clamscan.scan(databases, [content], tmp_path) == [set()]
