"""Passwords for encrypted content: those that the user gave, those found in the mail around it, those of databases."""

import re
from collections.abc import Iterable, Iterator

from freehold.engine.matchers.logical.layers import name_of
from freehold.formats import mail
from freehold.model.artifact import Artifact
from freehold.model.interfaces import Member, Spool
from freehold.model.limits import Budget
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView, FileView, View

Password = tuple[str | None, bytes]
"""ClamAV's name for the container that a password is meant for, None for any; and the password."""

_MOST_WORDS = 64
"""Words of one mail that are tried."""

_TEXT_BYTES = 1 << 16
"""Of a part of a mail that is searched."""

_PARTS = 32
"""Parts of a mail that are searched."""

_NEAR = 160
"""Bytes behind the word for a password in which the password is expected."""

_KEYWORD = re.compile(
    "pass(?:word|wort|phrase|code|e)?|kennwort|\\bpwd?\\b|\\bpin\\b|\\bcode|mot de passe|contrase|senha|wachtwoord"
    "|has\u0142o|parola|l\u00f6senord|\u043f\u0430\u0440\u043e\u043b|\u5bc6\u7801|\u5bc6\u78bc|\u30d1\u30b9\u30ef\u30fc\u30c9",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\s<>]{1,128}")
_TAG = re.compile(r"<[^<>]{0,1024}>")
_QUOTES = "\"'`\u201e\u201c\u201d\u00ab\u00bb*_()[]{}"
_ENDS = ".,:;!?"
_ENTITIES = {"&nbsp;": " ", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&amp;": "&"}


def candidates(artifact: Artifact, known: Iterable[Password], budget: Budget) -> Iterator[bytes]:
    """Yield what may open an artifact, each once: words of the mails around it, then what is known."""
    seen: set[bytes] = set()
    for password in _all(artifact, known, budget):
        if password not in seen:
            seen.add(password)
            yield password


def _all(artifact: Artifact, known: Iterable[Password], budget: Budget) -> Iterator[bytes]:
    layer = artifact.parent
    while layer is not None:
        if layer.file_type == "mail":
            yield from words_of_mail(layer.view, budget)
        layer = layer.parent
    container = name_of(artifact)
    for wanted, password in known:
        if wanted is None or wanted == container:
            yield password


def words_of_mail(view: View, budget: Budget) -> Iterator[bytes]:
    """Yield the words of a mail that stand behind a word for a password, the nearest of each text first."""
    found: dict[str, None] = {}
    for text in _texts(view, budget):
        found.update(dict.fromkeys(words(text)))
        if len(found) >= _MOST_WORDS:
            break
    for word in list(found)[:_MOST_WORDS]:
        yield word.encode("utf-8", "surrogateescape")


def words(text: str) -> Iterator[str]:
    """Yield what may be a password in a text."""
    text = _TAG.sub(" ", text)
    for entity, character in _ENTITIES.items():
        text = text.replace(entity, character)
    for keyword in _KEYWORD.finditer(text):
        for word in _WORD.findall(text, keyword.end(), keyword.end() + _NEAR):
            bare = word.strip(_QUOTES)
            for form in (
                word,
                bare,
                bare.strip(_ENDS).strip(_QUOTES),
                bare.rpartition(":")[2],
                bare.rpartition("=")[2],
            ):
                if form.strip(_ENDS + _QUOTES + "-"):
                    yield form


def _texts(view: View, budget: Budget) -> Iterator[str]:
    """Yield the beginning of the mail, where its subject stands, and of those parts that are texts."""
    yield view.read(0, _TEXT_BYTES).decode("utf-8", "surrogateescape")
    parts = mail.FORMAT.children(view, _Listening(budget))
    for _, child in zip(range(_PARTS), parts, strict=False):
        if not child.name.lower().endswith((".txt", ".html", ".htm")):
            continue
        if isinstance(child.content, BytesView | FileView):
            yield child.content.read(0, _TEXT_BYTES).decode("utf-8", "surrogateescape")
            continue
        text = b""
        for chunk in child.content:
            text += chunk
            if len(text) >= _TEXT_BYTES:
                break
        yield text[:_TEXT_BYTES].decode("utf-8", "surrogateescape")


class _Listening:
    """Stands in for the engine while a mail is read once more: what is wrong with it was reported before."""

    wants_facts = False
    wants_members = False

    def __init__(self, budget: Budget) -> None:
        self.budget = budget

    @property
    def spool(self) -> Spool:
        raise NotImplementedError

    def problem(self, kind: ProblemKind, detail: str) -> None:
        """Know already."""

    def fact(self, key: str, value: str | float) -> None:
        """Know already."""

    def member(self, member: Member) -> None:
        """Know already."""

    def passwords(self, rounds: int) -> Iterator[bytes]:  # noqa: ARG002 - mails are not encrypted
        """Yield nothing."""
        return iter(())

    def emulate(self, program: View, *, wide: bool) -> None:
        """Run nothing: there are no programs outside of attachments."""
