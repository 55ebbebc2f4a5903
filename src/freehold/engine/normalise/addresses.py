"""Addresses as people read them: hosts and domains of what a link shows and of where it leads.

Both sides are brought into one form before they are compared, so that blanks, escapes and strange letters do not hide
what a reader would see. The rules are ClamAV's, which know the top-level domains of 2009.
"""

import re

_GENERIC_NAMES = """
aero arpa asia biz cat com coop edu gov info int jobs mil mobi museum name net org pro tel travel xn--0zwm56d
xn--11b5bs3a9aj6g xn--80akhbyknj4f xn--9t4b11yi5a xn--deba0ad xn--g6w251d xn--hgbk6aj7f53bba
xn--hlcj6aya9esc7a xn--jxalpdlp xn--kgbechtv xn--zckzah
"""
_COUNTRY_NAMES = """
ac ad ae af ag ai al am an ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bv bw by bz
ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr
ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm
jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq
mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa
re ro rs ru rw sa sb sc sd se sg sh si sj sk sl sm sn so sr st su sv sy sz tc td tf tg th tj tk tl tm tn to tp
tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt yu za zm zw
"""
_COUNTRIES = frozenset(_COUNTRY_NAMES.split())
_NOT_DELEGATED = frozenset({"bl", "eh", "mf", "um"})
TOP_LEVEL = _COUNTRIES | frozenset(_GENERIC_NAMES.split())

_NO_LINKS = (".net", "ado.net", "asp.net")
_HOST_END = re.compile(r"[:/?]")
_LABEL = re.compile(r"[!-\-0-9@A-Z_a-z]+\Z")
_SCHEME = re.compile(r"[A-Za-z][!\"$-*,\-0-9@A-Z_a-z]*\Z")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})(?=.)", re.DOTALL)
_MARKUP = str.maketrans('<>";', "    ")
_DIGITS = frozenset("0123456789abcdefABCDEF")
_END = "\0"
CLOAKED = "\x01"
"""What stands for an escaped zero."""


def cleaned(address: bytes) -> str:
    """Return an address up to the end of its host, one form for all spellings; "" when there is nothing to compare."""
    text = "".join(chr(max(byte & 0x7F, 0x20)) for byte in address)
    text = text.lstrip(" ")
    if len(text) <= 1 or text.startswith(_NO_LINKS):
        return ""
    text = text.rstrip(" ").replace("\\", "/")
    colon = text.find(":")
    begin = 0
    if colon >= 0:
        begin = colon + 1
        while begin < len(text) and text[begin] == "/":
            begin += 1
    found = _HOST_END.search(text, begin)
    end = len(text) if found is None else found.start()
    text = text[:begin] + text[begin:end].lower()
    return _unescaped(text.translate(_MARKUP).replace("&lt", "").replace("&gt", ""))


def _unescaped(text: str) -> str:
    """Decode escapes, and what comes out of them as an escape, each time.

    As in ClamAV, the last characters are never an escape, and a percent sign at the front always is one, of a zero if
    no digits follow.
    """
    if len(text) > 2 and text[0] == "%":
        high, low = (int(digit, 16) if digit in _DIGITS else 0 for digit in text[1:3])
        first = 1 if text[1:3] == "00" else high << 4 | low
        text = chr(first) + text[3:]
    while True:
        decoded = text[:1] + _ESCAPE.sub(
            lambda found: CLOAKED if found[1] == "00" else chr(int(found[1], 16)), text[1:]
        )
        if "%" not in decoded or decoded == text:
            return decoded
        text = decoded


def real_form(address: bytes) -> str:
    """Return where a link leads, without blanks."""
    return cleaned(address).partition(_END)[0].replace(" ", "")


def shown_forms(address: bytes) -> tuple[str, str]:
    """Return what a link shows without blanks and what surrounds it, and with its blanks."""
    before = cleaned(address).strip(" ")
    bare = before if before.startswith(_END) else before.replace(" ", "")
    start, end = 0, len(bare)
    while start < end and not _alphanumeric(bare[start]):
        start += 1
    while end > start and not _alphanumeric(bare[end - 1]):
        end -= 1
    return bare[start : end + (bare[end : end + 1] == "/")], before.partition(_END)[0]


def _alphanumeric(character: str) -> bool:
    return character.isascii() and character.isalnum()


def compared(text: str, *, any_scheme: bool) -> str | None:
    """Return what of a text is an address that can be compared, None when it is none.

    It must have a scheme, or be a name with a top-level domain; with ``any_scheme``, a name ends with the last one.
    """
    bare = text.lstrip(" ")
    if bare.startswith(("http://", "https://", "ftp://", "mailto://")):
        return text
    rest, has_scheme = _without_scheme(bare, any_scheme=any_scheme)
    host = rest.partition("/")[0]
    user, at, _ = host.partition("@")
    if at and not has_scheme:
        name, dot, ending = user.rpartition(".")
        if not dot or not name or ending not in TOP_LEVEL:
            return None
    labels = host.split(".")
    if len(labels) < 2 or any(_LABEL.match(label) is None for label in labels[:-1]):
        return None
    if labels[-1] in TOP_LEVEL:
        return text
    known = [number for number, label in enumerate(labels[:-1], 1) if label in TOP_LEVEL] if any_scheme else []
    return text[: len(text) - len(rest)] + ".".join(labels[: known[-1]]) if known else None


def _without_scheme(text: str, *, any_scheme: bool) -> tuple[str, bool]:
    colon = text.find(":")
    known = text.startswith(("http:", "https:", "ftp:"))
    if colon < 0 or not (any_scheme or known):
        return text, False
    if _SCHEME.match(text[:colon]) is None:
        return text, False
    rest = text[colon + 1 :]
    return (rest[2:] if rest.startswith("//") else rest.removeprefix("/")), True


def host_range(text: str) -> tuple[int, int]:
    """Return where the host of an address begins and ends; names before an ``@`` are none of it."""
    scheme = text.find("://")
    start = scheme + 3 if scheme >= 0 else len("mailto:") if text.startswith("mailto:") else 0
    while True:
        found = _HOST_END.search(text, start)
        end = len(text) if found is None else found.start()
        at = text.find("@", start)
        if at < 0 or (start != end and at > end):
            return start, end
        start = at + 1


def domain(host: str) -> str:
    """Return the domain that somebody registered, of a host's name."""
    labels = host.split(".")
    if len(labels) < 2:
        return host
    keep = 2
    if labels[-1] in _COUNTRIES or labels[-1] in _NOT_DELEGATED:
        if len(labels) == 2:
            return host
        keep = 3 if labels[-2] in TOP_LEVEL else 2
    return ".".join(labels[-keep:])
