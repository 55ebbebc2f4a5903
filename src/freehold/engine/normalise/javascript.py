"""JavaScript as ClamAV compares it: tokens without comments and blanks, strings joined, variables numbered.

``var Total = "a" + 'B'; /* sum */`` becomes ``var n000="ab";``. Strings lose their escapes, ``unescape`` of a string is
done, and ``eval`` of a string and two well-known packers give way to what they hide (``jsunpack``).
"""

from collections.abc import Iterable, Iterator

from freehold.engine.normalise.jstokens import Kind, Parser, Scope, Token
from freehold.engine.normalise.jsunpack import unescape_strings, unpack

_FOLDED = bytes(range(256)).lower().translate(bytes.maketrans(b"\t\n\v\f\r", b" " * 5))
_END = b"</script>"


def normalise(scripts: Iterable[bytes]) -> bytes:
    """Return the normal forms of a page's scripts, one a line; a script may end with its end tag."""
    return b"\n".join(_normalise(script) for script in scripts)


def _normalise(script: bytes) -> bytes:
    parser = Parser()
    parser.feed(script)
    _close_parentheses(parser.tokens)
    unescape_strings(parser.tokens)
    unpack(parser)
    source = b"<script>" + b"".join(_written(parser.tokens, parser.outermost))
    return source if source.endswith(_END) else source + _END


def _close_parentheses(tokens: list[Token]) -> None:
    depth = 0
    for token in tokens:
        if token.kind is Kind.FIXED:
            depth = depth + 1 if token.text == b"(" else max(depth - 1, 0) if token.text == b")" else depth
    tokens.extend([Token(Kind.FIXED, b")")] * depth)


def _written(tokens: Iterable[Token], scope: Scope) -> Iterator[bytes]:
    """Yield the texts of tokens, with a blank where two words would run together."""
    after_word = False
    for token in tokens:
        if token.kind is Kind.END:
            scope = scope.parent or scope
            continue
        scope = token.scope or scope
        text = _text(token, scope)
        is_name = token.kind is Kind.WORD
        if after_word and (is_name or text[:1].isalnum() or token.kind is Kind.NUMBER):
            yield b" "
        yield text
        after_word = is_name or token.kind is Kind.NUMBER or text[-1:].isalnum()


def _text(token: Token, scope: Scope) -> bytes:
    if token.kind is Kind.STRING:
        return b'"' + token.text.translate(_FOLDED) + b'"'
    if token.kind is Kind.WORD:
        return scope.written(token.text).lower()
    return token.text.lower()
