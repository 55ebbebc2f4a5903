"""Scripts of AutoIt as tokens, made into text again.

Words that a release stores by number are named by that number: the numbers differ between releases.

Source: observed programs; the layout that autoit-ripper and others describe.
"""

import struct
from collections.abc import Iterable, Iterator

_LINE = 0x7F
_BY_NUMBER = {0x00: ("keyword_", "<i"), 0x01: ("function_", "<i"), 0x05: ("", "<i"), 0x10: ("", "<q"), 0x20: ("", "<d")}
_WORDS = {0x30: "", 0x31: "", 0x32: "@", 0x33: "$", 0x34: "", 0x35: ".", 0x36: '"', 0x37: ""}
_STRING = 0x36
_SIGNS = {
    code: sign.decode()
    for code, sign in enumerate(b", = > < <> >= <= ( ) + - / * & [ ] == ^ += -= /= *= &= ? :".split(), 0x40)
}
_CHUNK = 1 << 16


def source_text(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the text of a script, given its tokens; what follows an unknown one is left as it is."""
    data = b"".join(chunks)
    position = 4
    out: list[str] = []
    size = 0
    while position < len(data):
        word, following = _word(data, position)
        if not following:
            break
        position = following
        out.append(word)
        size += len(word)
        if size > _CHUNK:
            yield "".join(out).encode("utf-8", "surrogatepass")
            out, size = [], 0
    text = "".join(out).encode("utf-8", "surrogatepass") + data[position:]
    if text:
        yield text


def _word(data: bytes, position: int) -> tuple[str, int]:
    """Return the text of the token at ``position``, nothing when it is cut off, and where the next one stands.

    That is 0 when there is no such token.
    """
    code = data[position]
    position += 1
    if code == _LINE:
        return "\r\n", position
    if code in _SIGNS:
        return f"{_SIGNS[code]} ", position
    if code in _BY_NUMBER:
        prefix, layout = _BY_NUMBER[code]
        width = struct.calcsize(layout)
        if position + width > len(data):
            return "", len(data)
        (value,) = struct.unpack_from(layout, data, position)
        return f"{prefix}{value} ", position + width
    if code not in _WORDS:
        return "", 0
    length = int.from_bytes(data[position : position + 4], "little")
    end = position + 4 + 2 * length
    masked = data[position + 4 : end]
    if end > len(data):
        return "", len(data)
    key = int.from_bytes(struct.pack("<H", length & 0xFFFF) * length, "little")
    text = (int.from_bytes(masked, "little") ^ key).to_bytes(2 * length, "little").decode("utf-16-le", "surrogatepass")
    if code == _STRING:
        return '"' + text.replace('"', '""') + '" ', end
    return f"{_WORDS[code]}{text} ", end
