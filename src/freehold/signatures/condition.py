"""The conditions of Freehold's packs: ``a and (b or c)``, ``not d``, ``any of them``, ``2 of (a, b, c_*)``.

``or`` binds weaker than ``and``, ``and`` weaker than ``not``. ``them`` is every pattern of the rule; ``c_*`` every one
whose name begins with ``c_``.
"""

import re
from collections.abc import Sequence

from freehold.model.errors import MalformedInput
from freehold.model.signature import AtLeast, Condition, Not, Occurs

_TOKEN = re.compile(r"\s*(?:([A-Za-z_]\w*\*?)|(\d{1,4})|([(),]))", re.ASCII)
_WORDS = frozenset({"and", "or", "not", "of", "them", "any", "all"})
_DEPTH = 32


def parse_condition(text: str, patterns: Sequence[str]) -> Condition:
    """Parse a condition over named patterns.

    Raises:
        MalformedInput: with the reason, for people.
    """
    parser = _Parser(_tokens(text), patterns)
    condition = parser.either(0)
    if parser.peek():
        raise MalformedInput(f"condition: unexpected {parser.peek()!r}")
    unused = [name for number, name in enumerate(patterns) if number not in parser.used]
    if unused:
        raise MalformedInput(f"condition: pattern {unused[0]!r} is never used")
    return condition


def _tokens(text: str) -> list[str]:
    tokens = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise MalformedInput(f"condition: cannot read {text[position : position + 20].strip()!r}")
        tokens.append(match[0].strip())
        position = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[str], patterns: Sequence[str]) -> None:
        self._tokens = tokens
        self._position = 0
        self._patterns = patterns
        self.used: set[int] = set()

    def peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if not token or (expected and token != expected):
            found = repr(token) if token else "its end"
            raise MalformedInput(f"condition: {expected or 'a pattern'} expected, found {found}")
        self._position += 1
        return token

    def either(self, depth: int) -> Condition:
        if depth > _DEPTH:
            raise MalformedInput(f"condition: nested deeper than {_DEPTH}")
        terms = [self._both(depth)]
        while self.peek() == "or":
            self.take()
            terms.append(self._both(depth))
        return terms[0] if len(terms) == 1 else AtLeast(1, tuple(terms))

    def _both(self, depth: int) -> Condition:
        terms = [self._negated(depth)]
        while self.peek() == "and":
            self.take()
            terms.append(self._negated(depth))
        return terms[0] if len(terms) == 1 else AtLeast(len(terms), tuple(terms))

    def _negated(self, depth: int) -> Condition:
        negative = False
        while self.peek() == "not":
            self.take()
            negative = not negative
        term = self._term(depth)
        return Not(term) if negative else term

    def _term(self, depth: int) -> Condition:
        token = self.take()
        if token == "(":  # noqa: S105 - a bracket
            inner = self.either(depth + 1)
            self.take(")")
            return inner
        if token in {"any", "all"} or token.isdigit():
            self.take("of")
            return self._quantified(token)
        return Occurs(self._pattern(token))

    def _quantified(self, quantity: str) -> Condition:
        if self.peek() == "them":
            self.take()
            members = list(range(len(self._patterns)))
        else:
            members = self._list()
        self.used.update(members)
        count = {"any": 1, "all": len(members)}.get(quantity) or int(quantity)
        if not 1 <= count <= len(members):
            raise MalformedInput(f"condition: {quantity} of {len(members)} patterns")
        return AtLeast(count, tuple(Occurs(member) for member in members))

    def _list(self) -> list[int]:
        self.take("(")
        members: dict[int, None] = {}
        while True:
            token = self.take()
            if token.endswith("*"):
                matching = [number for number, name in enumerate(self._patterns) if name.startswith(token[:-1])]
                if not matching:
                    raise MalformedInput(f"condition: no pattern's name matches {token}")
                members.update(dict.fromkeys(matching))
            else:
                members[self._pattern(token)] = None
            if self.peek() == ")":
                self.take()
                return list(members)
            self.take(",")

    def _pattern(self, token: str) -> int:
        if token in _WORDS or token not in self._patterns:
            raise MalformedInput(f"condition: there is no pattern {token!r}")
        number = self._patterns.index(token)
        self.used.add(number)
        return number
