"""Golden and malformed samples of Office documents as XML, built from their specifications."""

import base64
import random
import struct
import zlib

from tests.formats import stores

TEXT = b"The quick brown fox jumps over the lazy dog.\n" * 40
DATA = random.Random(7).randbytes(3000)
_CODE = b"var shell = 'nothing but a harmless script that is long enough to be looked at';\n" * 2
_BASIC = b'Sub Main\n  MsgBox "a < b & c"\nEnd Sub'

_FLAT_OPC = (
    b'<?xml version="1.0" standalone="yes"?>\r\n<?mso-application progid="Word.Document"?>\r\n'
    b'<pkg:package xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage">'
    b'<pkg:part pkg:name="/word/document.xml" pkg:contentType="application/xml"><pkg:xmlData><body/></pkg:xmlData>'
    b'</pkg:part><pkg:part pkg:name="/word/vbaProject.bin" pkg:contentType="application/vnd.ms-office.vbaProject">'
    b"<pkg:binaryData>%s</pkg:binaryData></pkg:part></pkg:package>"
)
_WORD_2003 = (
    b'<?xml version="1.0"?>\n<?mso-application progid="Word.Document"?>\n<w:wordDocument '
    b'xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml" w:macrosPresent="yes">'
    b'<w:docSuppData><w:binData w:name="editdata.mso">%s</w:binData></w:docSuppData></w:wordDocument>'
)
_XDP = (
    b'<?xml version="1.0"?>\n<xdp:xdp xmlns:xdp="http://ns.adobe.com/xdp/">'
    b'<pdf xmlns="http://ns.adobe.com/xdp/pdf/"><document><chunk>%s</chunk></document></pdf></xdp:xdp>'
)
_HWPML = (
    b'<?xml version="1.0"?><HWPML Version="2.8"><HEAD SecCnt="1"/><TAIL><BINDATASTORAGE>'
    b'<BINDATA Compress="true" Encoding="Base64" Id="1" Size="3000">%s</BINDATA></BINDATASTORAGE></TAIL></HWPML>'
)
_FLAT_ODF = (
    b'<?xml version="1.0"?><office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0">'
    b'<draw:frame draw:name="Object1"><draw:object-ole><office:binary-data>%s</office:binary-data></draw:object-ole>'
    b"</draw:frame></office:document>"
)
_COMPONENT = (
    b'<?xml version="1.0"?><component><implements type="Automation"/>'
    b'<ms:script language="JScript"><![CDATA[%s]]></ms:script></component>'
)
_MODULE = (
    b'<?xml version="1.0"?>\n<script:module xmlns:script="http://openoffice.org/2000/script" script:name="Module1" '
    b'script:language="StarBasic">%s</script:module>'
)
_MACRO_SHEET = (
    b'<?xml version="1.0"?>\n<xm:macrosheet xmlns="urn:x"><sheetData><c r="A1"><f>EXEC(&quot;calc&quot;)</f></c>'
    b"<c><f t='x'>HALT()</f></c></sheetData></xm:macrosheet>"
)


def _encrypted(plain: bytes) -> bytes:
    """Adobe Type 1 Font Format, 7.1: the four bytes in front do not matter."""
    key, out = 55665, bytearray()
    for byte in b"abcd" + plain:
        out.append(byte ^ key >> 8)
        key = (out[-1] + key) * 52845 + 22719 & 0xFFFF
    return bytes(out)


_PROGRAM = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n/a <" + DATA.hex().encode() + b"> def\n"
    b"currentfile /ASCII85Decode filter /FlateDecode filter cvx exec\n"
    + base64.a85encode(zlib.compress(TEXT), wrapcol=70) + b"~>\n"
    b"%%BeginBinary: 1000\n" + DATA[::-1][:1000] + b"\n%%EndBinary\n"
    b"currentfile eexec\n" + _encrypted(_CODE).hex().encode() + b"\n"
)  # fmt: skip
_EPS = struct.pack("<4s6IH", b"\xc5\xd0\xd3\xc6", 32, len(_PROGRAM), 0, 0, 32 + len(_PROGRAM), len(DATA), 0xFFFF)

_COMPOUND = bytes.fromhex("d0cf11e0a1b11ae1") + DATA
_HANGUL = TEXT + struct.pack("<II", 2, len(_COMPOUND)) + _COMPOUND + struct.pack("<II", 0, 0)
_HANGUL_HEAD = b"HWP Document File V3.00 \x1a\1\2\3\4\5" + bytes(124) + b"\1\0" + struct.pack("<H", 16)


def _base64(content: bytes) -> bytes:
    return base64.encodebytes(content).replace(b"\n", b"\r\n")


def _deflated(content: bytes) -> bytes:
    coder = zlib.compressobj(wbits=-15)
    return coder.compress(content) + coder.flush()


GOLDEN: list[tuple[str, str, bytes, dict[str, bytes]]] = [
    ("xml", "flat-opc.xml", _FLAT_OPC % _base64(DATA), {"/word/vbaProject.bin": DATA}),
    ("xml", "word-2003.xml", _WORD_2003 % _base64(TEXT), {"editdata.mso": TEXT}),
    ("xml", "form.xdp", _XDP % _base64(DATA), {"chunk-1": DATA}),
    ("xml", "hangul.hml", _HWPML % _base64(_deflated(DATA)), {"1": DATA}),
    ("xml", "flat.fodt", _FLAT_ODF % _base64(DATA), {"Object1": DATA}),
    ("xml", "component.sct", _COMPONENT % _CODE, {"script-1": _CODE}),
    (
        "xml",
        "module.xba",
        _MODULE % _BASIC.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b'"', b"&quot;"),
        {"macro:Module1": _BASIC},
    ),
    (
        "hwp3",
        "packed.hwp",
        _HANGUL_HEAD + b"summary".ljust(1008, b"\0") + bytes(16) + _deflated(_HANGUL),
        {"content": _HANGUL, "object-1": _COMPOUND},
    ),
    (
        "hwp3",
        "stored.hwp",
        _HANGUL_HEAD.replace(b"\1\0", b"\0\0") + b"summary".ljust(1008, b"\0") + bytes(16) + _HANGUL,
        {"content": _HANGUL, "object-1": _COMPOUND},
    ),
    (
        "postscript",
        "carrier.ps",
        _PROGRAM,
        {"section-1": DATA[::-1][:1000], "string-2": DATA, "data-3": TEXT, "eexec-4": _CODE},
    ),
    ("postscript", "preview.eps", _EPS + b"\0\0" + _PROGRAM + DATA, {"program": _PROGRAM, "preview.tiff": DATA}),
    (
        "pst",
        "message.pst",
        stores.message(stores.Store(), "Hello", {"data.bin": DATA, "text.txt": TEXT}),
        {"data.bin": DATA, "text.txt": TEXT, "200004/body.txt": b"Hello", "200004/body.rtf": b"{\\rtf1 Hello}"},
    ),
    ("xml", "macrosheet.xml", _MACRO_SHEET, {"formulas": b'=EXEC("calc")\n=HALT()'}),
]

_BOMB = b"".join(b'<!ENTITY e%d "%s">' % (number, b"&e%d;" % (number - 1) * 10) for number in range(1, 12))
ENTITIES = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e0 "0123456789">' + _BOMB + b"]><x>&e11;</x>"
"""A billion laughs: 600 bytes that would be 1 TB."""

MALFORMED: list[tuple[str, str, str, slice | tuple[int, bytes], list[str]]] = [
    ("postscript", "cut.eps", "preview.eps", slice(0, 4000), ["truncated"]),
    ("hwp3", "cut.hwp", "packed.hwp", slice(0, 3000), ["truncated"]),
    ("hwp3", "no-header.hwp", "packed.hwp", slice(0, 100), ["malformed"]),
    ("hwp3", "locked.hwp", "packed.hwp", (126, b"\1"), ["encrypted"]),
    ("pst", "cut.pst", "message.pst", slice(0, 3000), ["truncated"]),
    ("pst", "no-header.pst", "message.pst", slice(0, 300), ["malformed"]),
    ("xml", "cut.hml", "hangul.hml", slice(0, 1500), ["truncated"]),
    (
        "xml",
        "loop.xml",
        "flat-opc.xml",
        (0, b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "&b;"><!ENTITY b "&a;">]><a>&a;</a><!--'),
        ["malformed"],
    ),
]
