"""What scripts hide in plain sight: ``unescape`` and ``eval`` of a string, and two packers, undone in place."""

import re
from dataclasses import dataclass

from freehold.engine.normalise.jsstrings import without_percents
from freehold.engine.normalise.jstokens import Kind, Parser, Token

_PARAMETERS = {b"(p,a,c,k,e,r)", b"(p,a,c,k,e,d)"}
_SHORTEST_PACKER = 13
"""Tokens that must follow the keyword of a packer's function."""
_PACKED_WORD = re.compile(rb"[A-Za-z0-9]+|\\(?=['\"])")


def unescape_strings(tokens: list[Token]) -> None:
    """Replace ``unescape("…")`` by the string that it returns."""
    at = 0
    while at + 3 < len(tokens):
        if _is_call(tokens, at, b"unescape") and tokens[at + 2].kind is Kind.STRING:
            tokens[at : at + 4] = [Token(Kind.STRING, without_percents(tokens[at + 2].text))]
        at += 1


@dataclass(frozen=True, slots=True)
class _Hidden:
    """Source that takes the place of the tokens from ``start`` to ``end``, or is appended behind all others."""

    source: bytes
    start: int
    end: int
    append: bool = False


def unpack(parser: Parser) -> None:
    """Replace calls whose argument is source by the tokens of that source, once from front to back."""
    at = 0
    while at < len(parser.tokens):
        at, hidden = _hidden(parser.tokens, at)
        if hidden is not None:
            _replace(parser, hidden)
        if at < len(parser.tokens):
            _follow(parser, parser.tokens[at])
        at += 1


def _is_call(tokens: list[Token], at: int, name: bytes) -> bool:
    word, opening = tokens[at], tokens[at + 1]
    return word.kind is Kind.WORD and word.text == name and opening.kind is Kind.FIXED and opening.text == b"("


def _hidden(tokens: list[Token], at: int) -> tuple[int, _Hidden | None]:
    """Return where the walk stands after it has looked at the token, and what it found."""
    if tokens[at].kind is Kind.FUNCTION and at + _SHORTEST_PACKER < len(tokens):
        at += 1
        name = None
        if tokens[at].kind is Kind.WORD:
            name = tokens[at].text
            at += 1
        packed = b"".join(token.text for token in tokens[at : at + 13]) in _PARAMETERS
        return at, _packed(tokens, at, name) if packed else None
    if at + 3 < len(tokens) and tokens[at + 2].kind is Kind.STRING:
        argument = tokens[at + 2].text
        if _is_call(tokens, at, b"dF") and argument:
            return at, _Hidden(_shifted(argument), at, at + 4, append=True)
        if _is_call(tokens, at, b"eval") and tokens[at + 3].text == b")":
            return at, _Hidden(argument, at, at + 4)
    return at, None


def _replace(parser: Parser, hidden: _Hidden) -> None:
    outer = parser.tokens
    end = hidden.end
    if end < len(outer) and outer[end].kind is Kind.FIXED and outer[end].text == b";":
        end += 1
    parser.tokens = []
    parser.feed(hidden.source)
    inner, parser.tokens = parser.tokens, outer
    outer[hidden.start : end] = [] if hidden.append else inner
    if hidden.append:
        outer.extend(inner)


def _follow(parser: Parser, token: Token) -> None:
    if token.scope is not None:
        parser.scope = token.scope
    elif token.kind is Kind.END and parser.scope.parent is not None:
        parser.scope = parser.scope.parent


def _shifted(text: bytes) -> bytes:
    """Every character was moved by the digit at the end."""
    by = text[-1] - 0x30
    return without_percents(bytes((byte - by) & 0xFF for byte in without_percents(text[:-1])))


def _packed(tokens: list[Token], at: int, name: bytes | None) -> _Hidden | None:
    """Decode what the calls of a packer's function unpack; without a name it is called where it stands."""
    at = _after_body(tokens, at)
    sources: list[bytes] = []
    first = last = -1
    while at + 2 < len(tokens):
        if name is not None and not _is_call(tokens, at, name):
            at += 1
            continue
        at = at + 2 if name is not None else _after(tokens, at, b"(")
        arguments, at = _arguments(tokens, at)
        if len(arguments) == _ARGUMENTS:
            first, last = first if first >= 0 else arguments[0], arguments[-1]
            sources.append(_decoded(tokens, arguments))
        if name is None:
            break
    if first < 0:
        return None
    return _Hidden(b"".join(sources), first, _end_of_call(tokens, last + 1))


_ARGUMENTS = 6


def _after_body(tokens: list[Token], at: int) -> int:
    nesting = 1
    for index in range(at, len(tokens)):
        kind = tokens[index].kind
        nesting += (kind is Kind.FUNCTION) - (kind is Kind.END)
        if not nesting:
            return index
    return len(tokens)


def _after(tokens: list[Token], at: int, mark: bytes) -> int:
    while at < len(tokens) and not (tokens[at].kind is Kind.FIXED and tokens[at].text == mark):
        at += 1
    return at + 1


def _arguments(tokens: list[Token], at: int) -> tuple[list[int], int]:
    """Return where each of the six arguments begins, and where the call ends."""
    starts: list[int] = []
    while len(starts) < _ARGUMENTS and at < len(tokens):
        starts.append(at)
        at = _after(tokens, at + 1, b"," if len(starts) < _ARGUMENTS else b")")
    return starts, at


def _end_of_call(tokens: list[Token], end: int) -> int:
    following = b"".join(token.text for token in tokens[end : end + 3])
    return end + 3 if following == b"{})" and end + 2 < len(tokens) else min(end + 1, len(tokens))


def _decoded(tokens: list[Token], arguments: list[int]) -> bytes:
    """Put the words of the list back in the places that their numbers hold."""
    text, base, words = (tokens[arguments[index]] for index in (0, 1, 3))
    if text.kind is not Kind.STRING or words.kind is not Kind.STRING:
        return b""
    radix = int(base.text) if base.kind is Kind.NUMBER else -1
    table = words.text.split(b"|")

    def word(match: re.Match[bytes]) -> bytes:
        number = 0
        for digit in match.group():
            if digit == 0x5C:
                return b""
            value = digit - (87 if digit >= 97 else 29 if digit >= 65 else 48)
            number = (number * radix + value) & 0xFFFFFFFF
        return (table[number] if number < len(table) else b"") or match.group()

    return _PACKED_WORD.sub(word, text.text)
