"""``clamscan`` sees the forms that ``views`` yields, for every group of signatures."""

import pytest
from tests.differential.clamscan import CLAMSCAN, scan

from freehold.engine.identify import identify
from freehold.engine.normalise.views import forms
from freehold.model.artifact import Artifact
from freehold.model.filetype import Target
from freehold.model.limits import Budget, Limits
from freehold.model.view import BytesView

pytestmark = pytest.mark.skipif(CLAMSCAN is None, reason="needs clamscan (clamav)")

TARGETS = [Target.ANY, Target.PE, Target.HTML, Target.MAIL, Target.GRAPHICS, Target.TEXT, Target.PDF, Target.OTHER]
WORDS = [b"MixedCase Word", b"mixedcase word", b"mixedcase  word", b"LINK/Target", b"link/target", b'n000="joined"']
SCRIPT = b'<script>var word = "jo" + "ined"; /* MixedCase Word */</script>'
TEXT = b"MixedCase Word, MixedCase  Word\nLINK/Target\n"
FILLER = b"plain words of no importance\n" * 50
CONTENTS = {
    "text": TEXT,
    "utf-8": "ü ".encode() + TEXT,
    "utf-16": TEXT.decode().encode("utf-16"),
    "utf-16 without mark": TEXT.decode().encode("utf-16-le"),
    "binary": b"\0\1\2\3" + TEXT,
    "dense binary": bytes(range(128, 256)) * 8 + TEXT,
    "page": b'<html><p>MixedCase  Word</p><a href="LINK/Target">x</a>' + SCRIPT + b"</html> ",
    "page in uppercase tags": b'<HTML><a HREF="LINK/Target">MixedCase Word</a> x</HTML> ',
    "page in utf-16": ("<html><p>MixedCase Word</p>" + "x" * 20 + "</html> ").encode("utf-16-le"),
    "page in utf-16 BE": "\ufeff<html><p>MixedCase Word</p></html> ".encode("utf-16-be"),
    "doctype only": b"<!DOCTYPE html><p>MixedCase Word</p> ",
    "link to nowhere": b'<a name="LINK/Target">MixedCase Word</a> ',
    "late page": FILLER + b"MixedCase Word <script>" + SCRIPT + b" ",
    "late page in binary": b"\0\1" + FILLER + b"MixedCase Word <script>" + SCRIPT + b" ",
    "gif with page": b"GIF89a" + FILLER + b"MixedCase Word <html><p>MixedCase  Word</p> ",
    "mail": b"From: a@b.example\nSubject: MixedCase Word\n\nx\n",
    "one header": b"Subject: MixedCase Word and nothing else\n",
    "mail by later headers": b"X-A: MixedCase Word\nFrom: a@b.example\nContent-Type: text/plain\n\nx\n",
    "saved page": b"MIME-Version: 1.0\nX-A: MixedCase Word\nContent-Type: text/plain\n\nx\n",
    "music": b"ID3" + TEXT,
    "script": b"#!/bin/sh\n" + TEXT,
    "pdf": b"%PDF-1.4\n" + TEXT,
    "compiled python": b"\xa7\x0d\x0d\x0a\0\0\0\0" + TEXT,
    "program": b"MZ" + bytes(62) + TEXT,
}


def expected(content):
    view = BytesView(content)
    artifact = Artifact("x", view, identify(view))
    seen = set()
    for form in forms(artifact, frozenset(TARGETS), Budget(Limits())):
        data = form.content.read(0, form.content.size)
        seen |= {f"T{t.value}.{i}" for t in form.targets for i, word in enumerate(WORDS) if word in data}
    return seen


def test_every_form_is_seen_by_its_groups(tmp_path):
    lines = [f"T{t.value}.{i}:{t.value}:*:{word.hex()}" for t in TARGETS for i, word in enumerate(WORDS)]
    found = scan({"a.ndb": "\n".join(lines).encode() + b"\n"}, list(CONTENTS.values()), tmp_path)
    differ = {
        name: (sorted(names - expected(content)), sorted(expected(content) - names))
        for (name, content), names in zip(CONTENTS.items(), found, strict=True)
        if names != expected(content)
    }
    assert not differ
