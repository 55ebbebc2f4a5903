"""Text that a regular expression matches, for the common part of Perl's syntax.

An expression is read into a small tree, and the tree is walked with random choices. Assertions about what surrounds a
place are passed over, so the text may miss; whoever needs certainty asks the regular expression.
"""

import string
from dataclasses import dataclass
from itertools import islice
from random import Random

import pcre2

from freehold.model.condition import holds
from freehold.model.signature import PatternSignature
from freehold.signatures.carrier.errors import CannotCarry
from freehold.signatures.carrier.pieces import Piece

MOST_REPEATS = 1_000
"""How often something may have to be repeated."""

_EXTRA_REPEATS = 3
_DEEPEST = 50
_ALL = frozenset(range(256))
_SETS = {
    "d": frozenset(string.digits.encode()),
    "w": frozenset((string.ascii_letters + string.digits + "_").encode()),
    "s": frozenset(b" \t\n\v\f\r"),
    "h": frozenset(b" \t"),
    "R": frozenset(b"\n"),
    "N": _ALL - frozenset(b"\n"),
}
_POSIX = {
    "alpha": frozenset(string.ascii_letters.encode()),
    "digit": _SETS["d"],
    "alnum": _SETS["w"] - frozenset(b"_"),
    "space": _SETS["s"],
    "upper": frozenset(string.ascii_uppercase.encode()),
    "lower": frozenset(string.ascii_lowercase.encode()),
    "punct": frozenset(string.punctuation.encode()),
    "xdigit": frozenset(string.hexdigits.encode()),
    "print": frozenset(range(0x20, 0x7F)),
}
_CONTROLS = {"n": 10, "r": 13, "t": 9, "f": 12, "v": 11, "a": 7, "e": 27, "0": 0}
_LIKED = frozenset(b"qvxzj0123456789_ ")


@dataclass(frozen=True, slots=True)
class _OneOf:
    members: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Row:
    nodes: "tuple[_Node, ...]"


@dataclass(frozen=True, slots=True)
class _Either:
    options: "tuple[_Node, ...]"


@dataclass(frozen=True, slots=True)
class _Repeat:
    node: "_Node"
    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class _Group:
    names: tuple[str, ...]
    node: "_Node"


@dataclass(frozen=True, slots=True)
class _Again:
    name: str


_Node = _OneOf | _Row | _Either | _Repeat | _Group | _Again
_NOTHING = _Row(())


_OPTIONS = {"i": pcre2.IGNORECASE, "s": pcre2.DOTALL, "m": pcre2.MULTILINE, "x": pcre2.VERBOSE}


class Regex:
    """A regular expression of a signature with its flags."""

    __slots__ = ("_compiled", "_flags", "_regex")

    def __init__(self, regex: bytes, flags: str) -> None:
        self._regex = regex
        self._flags = flags
        options = 0
        for flag in _OPTIONS.keys() & set(flags):
            options |= _OPTIONS[flag]
        try:
            self._compiled = pcre2.compile(regex, options, jit=False)
        except pcre2.LibraryError as error:
            raise CannotCarry(f"it is no regular expression: {error}") from error

    def make(self, rng: Random) -> Piece:
        """Return bytes that it should match; raises ``CannotCarry`` for syntax that is not understood."""
        return make_regex_piece(self._regex, self._flags, rng)

    def times(self, content: bytes, enough: int) -> int:
        """Return how often it matches, but no more than ``enough``."""
        try:
            return sum(1 for _ in islice(self._compiled.finditer(content), enough))
        except pcre2.LibraryError:
            return 0


def regexes_of(rule: PatternSignature) -> list[Regex]:
    """Return the expressions of a rule."""
    return [Regex(e.regex, "i" * e.nocase + "s" * e.dotall) for e in rule.patterns]


def occurs(rule: PatternSignature, content: bytes) -> bool:
    """Whether a rule's condition holds for a content of a type that it looks at; its size does not matter."""
    occurring = {number for number, regex in enumerate(regexes_of(rule)) if regex.times(content, 1)}
    return holds(rule.condition, occurring)


def make_regex_piece(regex: bytes, flags: str, rng: Random) -> Piece:
    """Return bytes that the expression should match; raises ``CannotCarry`` for syntax that is not understood."""
    tree = _Reader(regex.decode("latin-1"), extended="x" in flags).alternatives(0)
    value, care = bytearray(), bytearray()
    _walk(tree, rng, value, care, {})
    return Piece(bytes(value), bytes(care), 0)


def _walk(node: _Node, rng: Random, value: bytearray, care: bytearray, groups: dict[str, bytes]) -> None:
    if isinstance(node, _OneOf):
        value.append(rng.choice(sorted(node.members & _LIKED or node.members)))
        care.append(2 if len(node.members) == 1 else 1)
    elif isinstance(node, _Row):
        for inner in node.nodes:
            _walk(inner, rng, value, care, groups)
    elif isinstance(node, _Either):
        _walk(rng.choice(node.options), rng, value, care, groups)
    elif isinstance(node, _Repeat):
        for _ in range(rng.randint(node.minimum, min(node.maximum, node.minimum + _EXTRA_REPEATS))):
            _walk(node.node, rng, value, care, groups)
    elif isinstance(node, _Group):
        start = len(value)
        _walk(node.node, rng, value, care, groups)
        groups.update(dict.fromkeys(node.names, bytes(value[start:])))
    else:
        again = groups.get(node.name, b"")
        value += again
        care += b"\1" * len(again)


class _Reader:
    """Reads an expression from left to right."""

    def __init__(self, text: str, *, extended: bool) -> None:
        self._text = text
        self._at = 0
        self._extended = extended
        self._groups = 0

    def alternatives(self, depth: int) -> _Node:
        """Read up to the end or a closing parenthesis."""
        if depth > _DEEPEST:
            raise CannotCarry("the regular expression is nested too deep")
        options = [self._row(depth)]
        while self._peek("|"):
            self._at += 1
            options.append(self._row(depth))
        if depth == 0 and self._at < len(self._text):
            raise CannotCarry("the regular expression closes a group that is not open")
        return _Either(tuple(options)) if len(options) > 1 else options[0]

    def _peek(self, what: str) -> bool:
        return self._text.startswith(what, self._at)

    def _take(self, what: str) -> bool:
        if self._peek(what):
            self._at += len(what)
            return True
        return False

    def _next(self) -> str:
        if self._at >= len(self._text):
            raise CannotCarry("the regular expression ends too early")
        self._at += 1
        return self._text[self._at - 1]

    def _until(self, end: str) -> str:
        stop = self._text.find(end, self._at)
        if stop < 0:
            raise CannotCarry(f"the regular expression lacks {end!r}")
        found = self._text[self._at : stop]
        self._at = stop + len(end)
        return found

    def _row(self, depth: int) -> _Node:
        nodes: list[_Node] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            character = self._next()
            if self._extended and character in " \t\r\n":
                continue
            nodes.append(self._quantified(self._atom(character, depth)))
        return _Row(tuple(nodes))

    def _atom(self, character: str, depth: int) -> _Node:
        if character == "(":
            return self._group(depth)
        if character == "[":
            return _OneOf(self._class())
        if character == "\\":
            return self._escape()
        if character == ".":
            return _OneOf(_ALL - frozenset(b"\r\n\0"))
        if character in "^$":
            return _NOTHING
        return _OneOf(frozenset({ord(character)}))

    def _group(self, depth: int) -> _Node:
        if not self._take("?"):
            self._groups += 1
            return self._closed(_Group((str(self._groups),), self.alternatives(depth + 1)))
        if self._take("P="):
            return _Again(self._until(")"))
        for opening, closing in (("P<", ">"), ("'", "'")):
            if self._take(opening):
                return self._named(self._until(closing), depth)
        if self._peek("=") or self._peek("<="):
            raise CannotCarry("assertions about what surrounds a place are not built")
        if self._take("!") or self._take("<!"):
            self._closed(self.alternatives(depth + 1))
            return _NOTHING
        if self._take("<"):
            return self._named(self._until(">"), depth)
        return self._unnamed(depth)

    def _named(self, name: str, depth: int) -> _Node:
        self._groups += 1
        return self._closed(_Group((name, str(self._groups)), self.alternatives(depth + 1)))

    def _unnamed(self, depth: int) -> _Node:
        while (character := self._next()) in "imsxUJ-":
            pass
        if character == ")":
            return _NOTHING
        if character not in ":>":
            raise CannotCarry("a kind of group in the regular expression is not understood")
        return self._closed(self.alternatives(depth + 1))

    def _closed(self, node: _Node) -> _Node:
        if not self._take(")"):
            raise CannotCarry("the regular expression does not close a group")
        return node

    def _quantified(self, node: _Node) -> _Node:
        if self._take("*"):
            bounds = 0, _EXTRA_REPEATS
        elif self._take("+"):
            bounds = 1, _EXTRA_REPEATS
        elif self._take("?"):
            bounds = 0, 1
        elif (braces := self._braces()) is not None:
            bounds = braces
        else:
            return node
        if not self._take("?"):
            self._take("+")
        return _Repeat(node, *bounds)

    def _braces(self) -> tuple[int, int] | None:
        if not self._peek("{"):
            return None
        minimum, comma, maximum = self._text[self._at + 1 : self._text.find("}", self._at)].partition(",")
        if not minimum.isdigit() or (maximum and not maximum.isdigit()) or len(minimum) + len(maximum) > 12:
            return None
        self._until("}")
        least = int(minimum)
        if least > MOST_REPEATS:
            raise CannotCarry(f"something must be repeated {least} times")
        return least, int(maximum) if maximum else least + _EXTRA_REPEATS if comma else least

    def _escape(self) -> _Node:
        character = self._next()
        if character in "bBAzZG":
            return _NOTHING
        if character in "123456789":
            return _Again(character)
        if character in "QEkgpPX":
            raise CannotCarry(f"\\{character} in a regular expression is not understood")
        return _OneOf(self._escaped_set(character))

    def _escaped_set(self, character: str) -> frozenset[int]:
        if character in _SETS:
            return _SETS[character]
        if character.lower() in _SETS:
            return _ALL - _SETS[character.lower()]
        if character == "x":
            digits = self._until("}") if self._take("{") else self._hexadecimal()
            return frozenset({int(digits or "0", 16) & 0xFF})
        if character in _CONTROLS:
            return frozenset({_CONTROLS[character]})
        return frozenset({ord(character)})

    def _hexadecimal(self) -> str:
        start = self._at
        while self._at < min(start + 2, len(self._text)) and self._text[self._at] in string.hexdigits:
            self._at += 1
        return self._text[start : self._at]

    def _class(self) -> frozenset[int]:
        negated = self._take("^")
        members: frozenset[int] = frozenset()
        first = True
        while first or not self._peek("]"):
            first = False
            low = self._class_member()
            if len(low) == 1 and self._peek("-") and not self._peek("-]"):
                self._at += 1
                high = self._class_member()
                low = frozenset(range(min(low), max(high) + 1))
            members |= low
        self._at += 1
        return (_ALL - members if negated else members) or _ALL

    def _class_member(self) -> frozenset[int]:
        if self._take("[:"):
            name = self._until(":]")
            if name not in _POSIX:
                raise CannotCarry(f"the class {name!r} is not understood")
            return _POSIX[name]
        character = self._next()
        if character == "\\":
            escaped = self._next()
            return frozenset({8}) if escaped == "b" else self._escaped_set(escaped)
        return frozenset({ord(character)})
