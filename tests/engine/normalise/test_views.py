"""Which forms are made, for whom, and when none is; ``tests/differential/test_views.py`` asks ``clamscan``."""

import pytest

from freehold.engine.identify import identify
from freehold.engine.normalise.views import forms
from freehold.model.artifact import Artifact
from freehold.model.filetype import Target
from freehold.model.limits import Budget, Limits
from freehold.model.view import BytesView

ALL = frozenset(Target)


def made(content, wanted=ALL):
    view = BytesView(content)
    artifact = Artifact("x", view, identify(view))
    return {form.name: (form.targets, form.content.read(0, 99)) for form in forms(artifact, wanted, Budget(Limits()))}


def test_a_text_is_seen_as_it_is_and_normalised():
    assert made(b"Some  Words\n") == {
        "raw": ((Target.ANY,), b"Some  Words\n"),
        "text": ((Target.ANY, Target.TEXT), b"some words "),
    }


def test_a_page_is_seen_in_its_normal_forms_only():
    seen = made(b"<html><p>X</p><script>var a;</script> ")
    assert {name: targets for name, (targets, _) in seen.items()} == {
        "nocomment": (Target.ANY, Target.HTML),
        "notags": (Target.ANY, Target.HTML),
        "javascript": (Target.ANY, Target.HTML, Target.TEXT),
    }


@pytest.mark.parametrize(
    ("content", "targets"),
    [
        (b"MZ" + bytes(99), (Target.ANY, Target.PE)),
        (b"GIF89a" + bytes(99), (Target.ANY, Target.GRAPHICS)),
        (b"\0\1\2\3" * 9, (Target.ANY, Target.OTHER)),
        (b"Subject: x\n", (Target.ANY, Target.MAIL)),
    ],
)
def test_the_rest_is_seen_as_it_is(content, targets):
    assert made(content) == {"raw": (targets, content[:99])}


def test_what_clamav_ignores_has_no_form():
    assert made(b"ID3 and words") == {}


def test_only_wanted_targets_are_served():
    assert made(b"Words\n", frozenset({Target.TEXT})) == {"text": ((Target.TEXT,), b"words ")}
    assert made(b"<html>x", frozenset({Target.PE})) == {}
