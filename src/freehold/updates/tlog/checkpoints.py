"""Checkpoints (C2SP tlog-checkpoint): the size and the root of a log, as the text of a note."""

from dataclasses import dataclass

from freehold.model.errors import MalformedInput
from freehold.updates.tlog import text as forms
from freehold.updates.tlog.merkle import HASH_SIZE

_MOST_EXTENSIONS = 16


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself.

    Attributes:
        origin: which log it is.
        size: how many leaves it has.
        root: the hash of its tree.
        extensions: further lines, which nobody here interprets.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: bytes) -> "Checkpoint":
        """Read the text of a note; raises ``MalformedInput``."""
        lines = text.split(b"\n", 3 + _MOST_EXTENSIONS)
        if len(lines) < 4 or lines.pop() or not all(lines):
            raise MalformedInput("a checkpoint has three lines: origin, size, root; none is empty, and few follow")
        origin, size, root, *extensions = lines
        try:
            return cls(
                origin.decode(),
                forms.number(size),
                forms.base64(root, HASH_SIZE),
                tuple(line.decode() for line in extensions),
            )
        except UnicodeDecodeError as error:
            raise MalformedInput("a checkpoint is text in UTF-8") from error

    def text(self) -> bytes:
        """Return the text that is signed."""
        root = forms.write_base64(self.root).decode()
        return "".join(f"{line}\n" for line in (self.origin, self.size, root, *self.extensions)).encode()
