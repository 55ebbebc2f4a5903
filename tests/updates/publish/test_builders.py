"""Two builders with the same files make the same release, whatever their machines are like."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.updates.publisher import START, Publisher, command, hashes

FILES = {
    "own.hdb": hashes(*range(200)),
    "more/own.ndb": "Own.Body:0:*:6f776e2d6d61726b6572\n",
    "more/rules.yar": "rule own { condition: false }\n",
    "Ünïcode.ldb": "Own.Logical;Engine:51-255,Target:0;0;6f776e2d6d61726b6572\n",
}

BUILDERS = {
    "plain": {},
    "elsewhere": {"LC_ALL": "tr_TR.UTF-8", "TZ": "Pacific/Chatham", "PYTHONHASHSEED": "1", "COLUMNS": "20"},
    "frugal": {"LC_ALL": "C", "TZ": "America/Caracas", "PYTHONHASHSEED": "4242", "PYTHONUTF8": "0"},
}
MASKS = {"plain": 0o022, "elsewhere": 0o077, "frugal": 0o000}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The same repository, copied to three places, with the same files in another order, built there."""
    first = Publisher(tmp_path_factory.mktemp("first"))
    first.release(hdb=hashes(*range(150)), yar=FILES["more/rules.yar"])
    first.release(hdb=hashes(*range(160)))
    return {name: build(tmp_path_factory.mktemp(name) / ("x" * len(name)), first, name) for name in BUILDERS}


def build(folder: Path, first: Publisher, name: str) -> dict[str, tuple[bytes, int]]:
    repository = folder / "repo"
    shutil.copytree(first.folder, repository)
    sources = folder / f"sources of {name}"
    for file, content in sorted(FILES.items(), reverse=name == "elsewhere"):
        path = sources / (file if name == "plain" else file.replace("more/", f"{name}/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    processors = {min(os.sched_getaffinity(0))} if name == "frugal" else os.sched_getaffinity(0)
    code = (
        f"import os, sys; os.umask({MASKS[name]}); os.sched_setaffinity(0, {processors}); "
        "from freehold.frontends.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    subprocess.run(
        [sys.executable, "-c", code, "repo", "build", repository, sources, "--published", str(START + 9999)],
        check=True,
        capture_output=True,
        cwd=folder,
        env=os.environ | BUILDERS[name],
    )
    staged = repository / "staged"
    return {
        str(path.relative_to(staged)): (path.read_bytes(), path.stat().st_mode)
        for path in staged.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("name", ["elsewhere", "frugal"])
def test_every_byte_is_the_same(built, name):
    assert built[name] == built["plain"]
    assert any(path.endswith("seg-1-3.seg") for path in built["plain"])


def test_whatever_compressor_packed_it_the_signer_compares_content(tmp_path, monkeypatch):
    """Two versions of Zstandard give other bytes; here, another level does."""
    from freehold.updates.content import segments

    made = Publisher(tmp_path)
    monkeypatch.setattr(segments, "_LEVEL", 1)
    made.write(hdb=hashes(*range(2000)))
    made.build()
    monkeypatch.undo()
    packed = next((made.folder / "staged" / "targets" / "core").glob("*.base-1.seg")).read_bytes()
    assert packed != segments.pack(segments.unpack(packed, made_bytes(made)))
    made.publish()


def made_bytes(made: Publisher) -> int:
    from freehold.updates.content import releases

    path = next((made.folder / "staged" / "targets" / "core").glob("*.release.json"))
    return releases.parse(path.read_bytes()).base.bytes


def test_the_environment_can_fix_the_time(tmp_path, monkeypatch):
    made = Publisher(tmp_path)
    made.write(hdb=hashes(1))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(START))
    assert command("build", made.folder, made.sources, "--json")["published"] == START
