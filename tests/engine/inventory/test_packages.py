"""Package databases that are text, hosts files, browsers' extensions."""

import json

import pytest
from tests.engine.inventory.reading import read, values

from freehold.engine.inventory import items
from freehold.model.artifact import Artifact
from freehold.model.errors import LimitReached, MalformedInput
from freehold.model.limits import Budget, Limits
from freehold.model.view import BytesView

PACMAN = b"%NAME%\ntool\n\n%VERSION%\n1:2.0-3\n\n%DESC%\nName of a\n%DEPENDS%\nglibc\n"
APK = b"C:Q1abc=\nP:tool\nV:1.2-r3\nA:x86_64\nT:P:nothing\n\nC:Q1def=\nP:other\nV:2\n\n"
SNAPD = {"data": {"auth": {}, "snaps": {"tool": {"current": "42", "type": "app"}, "core": {"current": "1"}}}}
SNAP = b"name: tool\nversion: '1.0'   # text\nsummary: x\napps:\n  other:\n    name: wrong\n"
FLATPAK = b"[Application]\nruntime=org.gnome.Platform/x86_64/45\nname=org.example.Tool\n\n[Context]\nname=wrong\n"
HOSTS = b"127.0.0.1 localhost # tool.example\n0.0.0.0\tupd.example  www.example\r\n::1 six\n# 1.2.3.4 commented\n"
CHROME = {"name": "__MSG_name__", "version": "3.1", "manifest_version": 3}
FIREFOX = {"addons": [{"id": "a@example", "version": "2", "defaultLocale": {"name": "A"}}, {"id": 5}, "x"]}
XPI = {"name": "B", "version": "1", "browser_specific_settings": {"gecko": {"id": "{b}"}}}
IDENTIFIER = "abcdefghijklmnopabcdefghijklmnop"
PROFILE = "home/u/.config/google-chrome/Default/Extensions"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("var/lib/pacman/local/tool-2.0-3/desc", PACMAN, [("package", "tool", "1:2.0-3, installed")]),
        ("lib/apk/db/installed", APK, [("package", "tool", "1.2-r3, installed"), ("package", "other", "2, installed")]),
        ("usr/lib/apk/db/installed", APK[:24], [("package", "tool", "1.2-r3, installed")]),
        (
            "var/lib/snapd/state.json",
            json.dumps(SNAPD).encode(),
            [
                ("package", "tool", "revision 42 of a snap, installed"),
                ("package", "core", "revision 1 of a snap, installed"),
            ],
        ),
        ("meta/snap.yaml", SNAP, [("package", "tool", "1.0, a snap")]),
        ("snap/tool/42/meta/snap.yaml", SNAP, [("package", "tool", "1.0, a snap")]),
        (
            "var/lib/flatpak/app/org.example.Tool/x86_64/stable/0a1b/metadata",
            FLATPAK,
            [("package", "org.example.Tool", "flatpak application")],
        ),
        (
            "etc/hosts",
            HOSTS,
            [
                ("host", "localhost", "is 127.0.0.1"),
                ("host", "upd.example", "is 0.0.0.0"),
                ("host", "www.example", "is 0.0.0.0"),
                ("host", "six", "is ::1"),
            ],
        ),
        ("Windows/System32/drivers/etc/hosts", b"1.2.3.4 a", [("host", "a", "is 1.2.3.4")]),
        (
            f"{PROFILE}/{IDENTIFIER}/3.1_0/manifest.json",
            json.dumps(CHROME).encode(),
            [("extension", IDENTIFIER, "__MSG_name__ 3.1")],
        ),
        (
            "home/u/.mozilla/firefox/x.default/extensions.json",
            json.dumps(FIREFOX).encode(),
            [("extension", "a@example", "A 2")],
        ),
        ("manifest.json", json.dumps(XPI).encode(), [("extension", "{b}", "a packed extension")]),
    ],
)
def test_what_is_installed(name: str, content: bytes, expected: list[tuple[str, str, str]]) -> None:
    assert [(item.kind.value, item.value, item.detail) for item in read(name, content)] == expected


def test_offsets_are_those_of_the_values() -> None:
    for name, content in (("lib/apk/db/installed", APK), ("var/lib/pacman/local/t/desc", PACMAN)):
        assert all(content[item.offset :].startswith(item.value.encode()) for item in read(name, content))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("home/u/desc", PACMAN),
        ("home/u/installed", APK),
        ("home/u/state.json", json.dumps(SNAPD).encode()),
        ("home/u/metadata", FLATPAK),
        ("home/u/hosts", HOSTS),
        ("home/u/manifest.json", json.dumps(XPI).encode()),
    ],
)
def test_elsewhere_the_same_text_says_nothing(name: str, content: bytes) -> None:
    assert values(name, content) == []


@pytest.mark.parametrize("content", [b"[" * 100_000, b"{", b"\xff\xfe\x00", b'{"data": 1e'])
def test_what_is_no_json_is_a_problem(content: bytes) -> None:
    with pytest.raises(MalformedInput):
        read("var/lib/snapd/state.json", content)


@pytest.mark.parametrize("content", [b"[]", b"null", b'{"data": []}', b'{"data": {"snaps": {"a": 3}}}'])
def test_json_of_another_shape_is_none(content: bytes) -> None:
    assert [value for _, value in values("var/lib/snapd/state.json", content)] in ([], ["a"])


def test_what_is_too_large_is_a_problem() -> None:
    found = items(Artifact("lib/apk/db/installed", BytesView(APK)), Budget(Limits(whole_bytes=10)))
    with pytest.raises(LimitReached):
        list(found)


def test_a_manifest_with_comments_is_one_all_the_same() -> None:
    commented = b"{\n// text\n" + json.dumps(XPI).encode()[1:]
    assert values("manifest.json", commented) == [("extension", "{b}")]
    assert values(f"{PROFILE}/{IDENTIFIER}/1/manifest.json", commented) == [("extension", IDENTIFIER)]
    assert values("project/.vscode/extensions.json", b"{ // recommended") == []


def test_paths_name_packages_of_snapd_and_flatpak() -> None:
    assert ("package", "tool") in values("var/lib/snapd/snaps/tool_42.snap", b"")
    assert ("package", "org.example.Tool") in values("home/u/.local/share/flatpak/app/org.example.Tool", b"")
