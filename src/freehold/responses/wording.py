"""How names and numbers are put to people."""


def printable(text: str) -> str:
    r"""Return ``text`` with everything escaped that could steer a terminal or mislead a reader.

    File names and signature names come from strangers. Control characters, undecodable bytes (surrogate escapes),
    bidirectional overrides and other invisible characters become ``\xNN``, ``\uNNNN`` or ``\UNNNNNNNN``.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(ord(c)) for c in text)


def printable_path(path: bytes) -> str:
    """Return a path in the file system's own bytes as ``printable`` text."""
    return printable(path.decode("utf-8", "surrogateescape"))


def size_text(count: float) -> str:
    """Return a number of bytes with a decimal unit: ``1.4 GB``."""
    if count < 1000:
        return f"{count:.0f} B"
    for unit in ("kB", "MB", "GB", "TB"):
        count /= 1000
        if count < 999.95:
            return f"{count:.1f} {unit}"
    return f"{count / 1000:.1f} PB"


def seconds_text(seconds: float) -> str:
    """Return a duration: ``4.2 ms``, ``12.3 s``, ``3 min 20 s``, ``2 h 05 min``."""
    if seconds < 0.1:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def count_text(count: int, noun: str) -> str:
    """Return a count with its noun: ``1 file``, ``1,234 files``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def hex_lines(data: bytes, offset: int) -> list[str]:
    """Return ``data`` as lines of a hex view, sixteen bytes each, the first one standing at ``offset``."""
    lines = []
    for start in range(0, len(data), 16):
        piece = data[start : start + 16]
        letters = "".join(chr(b) if 32 <= b < 127 else "." for b in piece)
        lines.append(f"{offset + start:08x}  {piece.hex(' '):<47}  {letters}")
    return lines


def _escape(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
