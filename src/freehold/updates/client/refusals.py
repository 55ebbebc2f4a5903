"""Why an update is refused: one error for each reason, with the exit status that scripts tell it by.

In each case the generation that is in use stays in use. ``docs/updates.md`` has the table of them.
"""

from typing import ClassVar

from freehold.model.errors import TrustError


class Refusal(TrustError):
    """An update that is not made.

    Attributes:
        word: names the reason for programs.
        status: the exit status of ``freehold update``.
    """

    word: ClassVar[str]
    status: ClassVar[int]


class Unreachable(Refusal):
    """No mirror, folder or bundle gave an answer."""

    word, status = "unreachable", 10


class SlowServer(Refusal):
    """A mirror sends less than it must to be worth waiting for."""

    word, status = "slow-server", 11


class EndlessData(Refusal):
    """A file goes on behind the size that it may have or that was signed for it."""

    word, status = "endless-data", 12


class Bomb(Refusal):
    """Something small unpacks to more than it may."""

    word, status = "bomb", 13


class Malformed(Refusal):
    """Something breaks the rules of its format, although its signatures may be right."""

    word, status = "malformed", 14


class UnsafeName(Refusal):
    """A name that would lead out of the folder that it belongs to."""

    word, status = "unsafe-name", 15


class BadSignature(Refusal):
    """Metadata without enough signatures of the keys that count."""

    word, status = "bad-signature", 16


class Expired(Refusal):
    """Metadata that nobody has renewed in time: somebody may be holding newer releases back (freeze)."""

    word, status = "expired", 17


class Rollback(Refusal):
    """Something older than what was seen before."""

    word, status = "rollback", 18


class MixAndMatch(Refusal):
    """Parts that are genuine, but do not belong together."""

    word, status = "mix-and-match", 19


class Unlogged(Refusal):
    """A release that is signed, and not proven to stand in the public log."""

    word, status = "unlogged", 20


class SplitView(Refusal):
    """A log that shows different histories to different people. The evidence was kept."""

    word, status = "split-view", 21


class NoQuorum(Refusal):
    """Too few witnesses have seen this state of the log."""

    word, status = "no-quorum", 22


class Stale(Refusal):
    """The witnesses' newest word is too old: somebody may be holding newer releases back (freeze)."""

    word, status = "stale", 23


class Damaged(Refusal):
    """No mirror has the file whose hash was signed."""

    word, status = "damaged", 24


class WrongState(Refusal):
    """The signatures that result are not those that were signed for."""

    word, status = "wrong-state", 25


class Held(Refusal):
    """The trial found that the release would do harm here: it crashes, finds nothing, or fires on good files."""

    word, status = "held", 26


class TooNew(Refusal):
    """The release needs a newer Freehold."""

    word, status = "too-new", 27


class NoRoom(Refusal):
    """The disk is full, or cannot be written."""

    word, status = "no-room", 28


class Busy(Refusal):
    """Another process is updating."""

    word, status = "busy", 29
