"""Tokens of JavaScript and the scopes of its variables, told apart the way ClamAV tells them.

Regular expressions are not understood, a comment after ``//`` ends with the first blank, and only ``var``, function
names and parameters declare.
"""

import re
from dataclasses import dataclass, field
from enum import Enum, auto

from freehold.engine.normalise.jsstrings import without_backslashes
from freehold.model.limits import Budget

_TOKEN = re.compile(
    rb"""
    /\*(?:.*?\*/|(?P<cut_comment>.*\Z))
  | //[^\n\ ]*+
  | "(?P<double>(?:[^"\\]++|\\"?)*+)(?:"|(?P<cut_double>\Z))
  | '(?P<single>(?:[^'\\]++|\\'?)*+)(?:'|(?P<cut_single>\Z))
  | (?P<word>(?:[A-Za-z_$]|\\u|(?=\\))(?:[A-Za-z0-9_$]++|\\u)*+)(?:\\(?:[^u]\Z)?|(?P<cut_word>\Z))?
  | (?P<number>[0-9]++)(?P<fraction>\.[0-9]*+(?>(?:[eE][-+0-9][0-9]*+)*)[eE]?+)?(?P<cut_number>\Z)?
  | (?P<mark>[\[\],{}().;?:~]|>{0,2}>=?|<{0,1}<=?|={1,3}|!={0,2}|-[-=]?|\+[+=]?|&[&=]?|\|[|=]?|[/*%^]=?)
    """,
    re.DOTALL | re.VERBOSE,
)
_FLOAT = re.compile(rb"[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?")
_BETWEEN_TICKS = 1 << 16
"""Bytes of source after which the clock is looked at."""
_KEYWORDS = frozenset(
    b"new enum return in int null break delete default debugger interface instanceof if try true final finally "
    b"transient const do continue else class double boolean for case catch native char float private abstract "
    b"protected false public long super export extends this throw throws byte static with import void implements "
    b"typeof package volatile goto short while switch synchronized".split()
)


class Kind(Enum):
    """What a token is."""

    WORD = auto()
    """A name that a scope may number."""
    FUNCTION = auto()
    """The keyword; with its scope."""
    END = auto()
    """No text: the body of a function ended."""
    STRING = auto()
    NUMBER = auto()
    """Its text is the number as a C library prints it."""
    FIXED = auto()
    """Written as it is."""


class _Expected(Enum):
    NOTHING = auto()
    DECLARATION = auto()
    FIRST_PARAMETER = auto()
    VALUE = auto()
    FUNCTION_NAME = auto()
    PARAMETERS = auto()


_HEADS = frozenset({_Expected.FUNCTION_NAME, _Expected.PARAMETERS, _Expected.FIRST_PARAMETER})


@dataclass(eq=False, slots=True)
class Scope:
    """The variables of one function, or of the whole script, and where in its source the parser stands."""

    parent: "Scope | None" = None
    numbers: dict[bytes, int] = field(default_factory=dict)
    expected: _Expected = _Expected.NOTHING
    after_dot: bool = False
    brackets: int = 0
    blocks: int = 0

    def written(self, name: bytes) -> bytes:
        """Return ``n`` and the number of a declared variable, any other name as it is."""
        scope: Scope | None = self
        while scope is not None:
            number = scope.numbers.get(name)
            if number is not None:
                return b"n%03d" % number
            scope = scope.parent
        return name


@dataclass(frozen=True, eq=False, slots=True)
class Token:
    """One token; ``text`` of a string is its content without escapes, ``scope`` belongs to ``FUNCTION``."""

    kind: Kind
    text: bytes
    scope: Scope | None = None


class Parser:
    """Collects tokens and keeps track of scopes."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._known: dict[bytes, Token] = {}  # one object for all tokens that are written as they are
        self.outermost = Scope()
        self.scope = self.outermost
        self.tokens: list[Token] = []
        self._declared = 0
        self._unfinished = b""

    def feed(self, source: bytes) -> None:
        """Append the tokens of ``source``; what its end cuts off is read together with the next source."""
        source = self._unfinished + source
        self._unfinished = b""
        due = _BETWEEN_TICKS
        for match in _TOKEN.finditer(source):
            group = match.lastgroup
            if match.start() >= due:
                self._budget.tick()
                due = match.start() + _BETWEEN_TICKS
            if group is None:
                continue
            if group.startswith("cut"):
                self._unfinished = match.group()
            elif group == "mark":
                self._mark(match["mark"])
            elif group == "word":
                self._word(match["word"].replace(b"\\u", b"\\"))
            elif group in ("double", "single"):
                self._string(without_backslashes(match[group]))
            elif group == "number":
                self._add(Token(Kind.NUMBER, b"%d" % _integer(match["number"])))
            elif group == "fraction":
                number = _FLOAT.match(match["number"] + match["fraction"])
                self._add(Token(Kind.NUMBER, b"%g" % float(number.group() if number else 0)))

    def close_string(self) -> None:
        """Append a string that nothing has ended."""
        if self._unfinished[:1] in (b'"', b"'"):
            text, self._unfinished = self._unfinished[1:], b""
            self._string(without_backslashes(text))

    def _add(self, token: Token) -> None:
        self.tokens.append(token)
        self.scope.after_dot = False

    def _fixed(self, text: bytes) -> None:
        token = self._known.get(text)
        if token is None:
            token = self._known[text] = Token(Kind.FIXED, text)
        self._add(token)

    def _string(self, text: bytes) -> None:
        """Join a string to the one before when only a plus stands between."""
        tokens = self.tokens
        if len(tokens) > 1 and tokens[-1].text == b"+" and tokens[-1].kind is Kind.FIXED:
            before = tokens[-2]
            if before.kind is Kind.STRING:
                tokens[-2:] = [Token(Kind.STRING, before.text + text)]
                return
        self._add(Token(Kind.STRING, text))

    def _word(self, word: bytes) -> None:
        scope = self.scope
        if word in _KEYWORDS:
            self._fixed(word)
        elif word == b"var":
            scope.expected = _Expected.DECLARATION
            self._fixed(word)
        elif word == b"function":
            self.scope = Scope(scope, expected=_Expected.FUNCTION_NAME)
            self._add(Token(Kind.FUNCTION, word, self.scope))
        elif scope.after_dot:
            self._fixed(word)
        else:
            self._name(scope, word)

    def _name(self, scope: Scope, name: bytes) -> None:
        declares = scope.expected in (_Expected.DECLARATION, _Expected.FIRST_PARAMETER)
        if declares or scope.expected is _Expected.FUNCTION_NAME:
            scope.numbers[name] = self._declared
            self._declared += 1
            scope.expected = _Expected.VALUE if declares else _Expected.PARAMETERS
            scope.brackets = 0 if declares else scope.brackets
        self._add(Token(Kind.WORD, name))

    def _mark(self, mark: bytes) -> None:
        scope = self.scope
        closes = False
        if mark == b"(" and scope.expected in (_Expected.FUNCTION_NAME, _Expected.PARAMETERS):
            scope.expected = _Expected.FIRST_PARAMETER
        elif mark == b")" and scope.expected is _Expected.PARAMETERS:
            scope.expected = _Expected.NOTHING
        elif mark == b"{":
            scope.expected = _Expected.NOTHING if scope.expected in _HEADS else scope.expected
            scope.blocks += 1
        elif mark == b"}":
            scope.blocks = max(scope.blocks - 1, 0)
            closes = not scope.blocks
        elif mark in _LEVELS:
            scope.brackets = max(scope.brackets + _LEVELS[mark], 0)
        elif mark in b",;" and not scope.brackets and not scope.blocks:
            _separate(scope, mark)
        self._fixed(mark)
        if closes and scope.parent is not None:
            self.scope = scope.parent
            self._add(Token(Kind.END, b""))
        self.scope.after_dot = mark == b"."


_LEVELS = {b"[": 1, b"]": -1}


def _separate(scope: Scope, mark: bytes) -> None:
    """A comma after a value begins the next declaration; a semicolon ends them."""
    if mark == b";":
        scope.expected = _Expected.NOTHING
    elif scope.expected is _Expected.VALUE:
        scope.expected = _Expected.DECLARATION


def _integer(digits: bytes) -> int:
    """Return the number as the 32 bits that a C library keeps of it."""
    value = min(int(digits[:4000]), (1 << 63) - 1) & 0xFFFFFFFF
    return value - ((value & 0x80000000) << 1)
