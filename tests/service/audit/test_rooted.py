"""Paths of mounted systems, against the kernel's own idea of a root."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.service.audit.places import Place, places
from freehold.service.audit.rooted import resolve

NAMES = st.sampled_from(["a", "b", "c", "..", ".", "gone"])
PATHS = st.lists(NAMES, min_size=1, max_size=5).map("/".join)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may change the root")
@settings(max_examples=40, deadline=None)
@given(links=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "/"]), PATHS), max_size=4), path=PATHS)
def test_links_lead_where_chroot_leads(
    tmp_path_factory: pytest.TempPathFactory, links: list[tuple[str, str, str]], path: str
) -> None:
    root = tmp_path_factory.mktemp("root")
    for folder in ("a", "b/c", "c/a/b"):
        (root / folder).mkdir(parents=True)
    for number, (name, start, target) in enumerate(links):
        (root / "abc"[number % 3] / f"{name}{name}").unlink(missing_ok=True)
        (root / "abc"[number % 3] / f"{name}{name}").symlink_to(start + target)
    for tried in (path, *(f"{'abc'[number % 3]}/{name}{name}" for number, (name, _, _) in enumerate(links))):
        found = resolve(str(root), f"/{tried}")
        assert _number(found) == _in_root(root, tried), tried


def _number(path: str | None) -> int | None:
    return Path(path).stat().st_ino if path and Path(path).exists() else None


def _in_root(root: Path, path: str) -> int | None:
    """Ask the kernel, in a process whose root this is."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.chroot(root)
        os.chdir("/")
        try:
            os.write(writing, b"%d" % Path(f"/{path}").stat().st_ino)
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    said = os.read(reading, 100)
    os.close(reading)
    return int(said) if said else None


def test_a_loop_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert resolve(str(tmp_path), "/a/x") is None


def test_names_in_another_case_are_found_where_the_very_name_is_not(tmp_path: Path) -> None:
    (tmp_path / "Windows/SYSTEM32").mkdir(parents=True)
    assert resolve(str(tmp_path), "/windows/system32") == str(tmp_path / "Windows/SYSTEM32")
    (tmp_path / "windows").mkdir()
    assert resolve(str(tmp_path), "/windows/system32") is None


def test_a_pattern_yields_what_is_there_once(tmp_path: Path) -> None:
    (tmp_path / "usr/share/x/y").mkdir(parents=True)
    (tmp_path / "usr/share/x/y/tool").touch()
    found = list(places(tmp_path, ["/usr/share/*/y/tool", "/usr/share/x/*/tool"]))
    assert found == [Place("/usr/share/x/y/tool", str(tmp_path / "usr/share/x/y/tool"), content=False)]
