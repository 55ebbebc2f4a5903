"""Signed notes (C2SP signed-note): a text, an empty line, and one line for each signature."""

from collections.abc import Iterator
from dataclasses import dataclass

from freehold.model.errors import MalformedInput, TrustError
from freehold.updates.tlog import text as forms
from freehold.updates.tlog.keys import Kind, SigningKey, VerifierKey

LARGEST = 256 << 10
"""Bytes that a note may have."""

MOST_SIGNATURES = 64

_DASH = "\N{EM DASH} ".encode()
_ID_SIZE = 4


@dataclass(frozen=True, slots=True)
class Signature:
    """One line below a note.

    Attributes:
        name: of the key that is said to have signed.
        id: of the key, four bytes.
        blob: what the key's kind says: a raw signature, or a time and a raw signature.
    """

    name: str
    id: bytes
    blob: bytes

    def line(self) -> bytes:
        """Return the line, with its newline."""
        return _DASH + self.name.encode() + b" " + forms.write_base64(self.id + self.blob) + b"\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text with signatures that nobody has checked yet.

    Attributes:
        text: what is signed, with its last newline.
        signatures: in their order.
    """

    text: bytes
    signatures: tuple[Signature, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> "Note":
        """Read a note; raises ``MalformedInput``."""
        if len(data) > LARGEST:
            raise MalformedInput(f"a note of more than {LARGEST >> 10} KiB")
        _check_characters(data)
        text, gap, below = data.rpartition(b"\n\n")
        if not gap or not below.endswith(b"\n"):
            raise MalformedInput("a note ends with an empty line and signatures")
        return cls(text + b"\n", parse_lines(below))

    def encode(self) -> bytes:
        """Return the note as it is stored and sent."""
        return self.text + b"\n" + b"".join(signature.line() for signature in self.signatures)

    def signed(self, *signatures: Signature) -> "Note":
        """Return the note with more signatures, each of them once."""
        return Note(self.text, tuple(dict.fromkeys((*self.signatures, *signatures))))

    def by(self, key: VerifierKey) -> Iterator[Signature]:
        """Yield the signatures that claim to be of ``key``; they are not checked yet."""
        return (one for one in self.signatures if one.name == key.name and one.id == key.id)


def parse_lines(data: bytes) -> tuple[Signature, ...]:
    """Read signature lines alone, as a witness answers with them; raises ``MalformedInput``."""
    lines = data.split(b"\n", MOST_SIGNATURES)
    if lines.pop() or not lines:
        raise MalformedInput(f"a note has 1 to {MOST_SIGNATURES} signatures, each on a line of its own")
    return tuple(_parse_line(line) for line in lines)


def sign(text: bytes, key: SigningKey) -> Signature:
    """Sign a note's text with a key of kind ``NOTE``."""
    return Signature(key.verifier.name, key.verifier.id, key.sign(text))


def verify(note: Note, key: VerifierKey) -> bool:
    """Whether a key of kind ``NOTE`` has signed; False when it does not claim to.

    Raises:
        TrustError: a signature that claims to be of this key is wrong, which spoils the whole note.
    """
    if key.kind is not Kind.NOTE:
        raise TrustError(f"the key of {key.name} does not sign notes")
    signatures = list(note.by(key))
    for signature in signatures:
        key.check(signature.blob, note.text)
    return bool(signatures)


def _parse_line(line: bytes) -> Signature:
    if not line.startswith(_DASH):
        raise MalformedInput(f"the line of a signature begins with a dash: {line[:40]!r}")
    name, _, encoded = line.removeprefix(_DASH).decode().partition(" ")
    if not name or "+" in name or any(character.isspace() for character in name):
        raise MalformedInput(f"a signature has a name without spaces and '+': {line[:40]!r}")
    blob = forms.base64(encoded.encode())
    if len(blob) <= _ID_SIZE:
        raise MalformedInput(f"the signature of {name[:80]} is empty")
    return Signature(name, blob[:_ID_SIZE], blob[_ID_SIZE:])


def _check_characters(data: bytes) -> None:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise MalformedInput("a note is text in UTF-8") from error
    if data.translate(None, _CONTROLS) != data:
        raise MalformedInput("a note has no control characters but newlines")


_CONTROLS = bytes(set(range(0x20)) - {0x0A})
