"""Property lists as Python's own library writes them, in both forms, and as plutil's counterpart does."""

import plistlib
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.inventory.reading import read, values

from freehold.model.errors import MalformedInput

NAME = "Applications/Tool.app/Contents/Info.plist"
INFO = {
    "CFBundleName": "Tool",
    "CFBundleIdentifier": "com.example.tool",
    "CFBundleShortVersionString": "1.2",
    "Nested": {"CFBundleIdentifier": "com.example.wrong", "List": list(range(300))},
    **{f"Key {number}": number * 1.5 for number in range(40)},
}


@pytest.mark.parametrize("form", [plistlib.FMT_XML, plistlib.FMT_BINARY])
def test_the_bundle_is_named(form: plistlib.PlistFormat) -> None:
    (found, *_) = read(NAME, plistlib.dumps(INFO, fmt=form))
    assert (found.kind, found.value, found.detail) == ("bundle-id", "com.example.tool", "1.2")


@given(
    st.dictionaries(
        st.text(max_size=20), st.text(max_size=40) | st.integers(0, 2**40) | st.lists(st.text()), max_size=40
    )
)
def test_binary_lists_say_what_was_written(content: dict[str, object]) -> None:
    data = plistlib.dumps(content | {"CFBundleIdentifier": "com.example.tëst"}, fmt=plistlib.FMT_BINARY)
    assert values(NAME, data) == [("bundle-id", "com.example.tëst")]


@pytest.mark.skipif(not shutil.which("plistutil"), reason="needs libplist-utils")
def test_another_writer(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(plistlib.dumps(INFO))
    command = ["plistutil", "-i", tmp_path / "a.xml", "-o", tmp_path / "a.bin", "-f", "bin"]
    subprocess.run(command, check=True, capture_output=True)
    assert values(NAME, (tmp_path / "a.bin").read_bytes()) == [("bundle-id", "com.example.tool")]


def test_elsewhere_and_without_an_identifier() -> None:
    assert values("home/u/other.plist", plistlib.dumps(INFO)) == []
    assert values(NAME, plistlib.dumps({"CFBundleName": "com.example.tool"})) == []


def test_cut_off_anywhere_is_a_problem_or_nothing() -> None:
    data = plistlib.dumps(INFO, fmt=plistlib.FMT_BINARY)
    for length in range(8, len(data), 11):
        with pytest.raises(MalformedInput):
            read(NAME, data[:length])
