"""Makes the stored samples of formats that no free tool makes: ``python -m tests.formats.make_built``.

Their makers are written from the descriptions of the formats and apart from the readers; samples of the formats'
own tools, where such may not be stored, are compared in ``test_clamav_testfiles.py``.
"""

import hashlib
import json
import pickle
import struct
from datetime import date

from tests.formats import eggs, installers, programs, rars, workbooks
from tests.formats.make_golden import DATA, HERE, TEXT

_LONG = TEXT * 3
_PAYLOAD = {"main.bin": b"\x7fELF" + DATA, "data/text.txt": TEXT, "data/data.bin": DATA}
_TOKENS = installers.autoit_tokens(
    (0x31, "MSGBOX"), (0x47, b""), (0x05, b"\x40\0\0\0"), (0x40, b""), (0x36, 'say "hi"'), (0x48, b""), (0x7F, b"")
)
_SOURCE = b'MSGBOX ( 64 , "say ""hi""" ) \r\n'

GOLDEN: list[tuple[str, str, str, bytes, dict[str, bytes]]] = [
    (
        "autoit",
        "ea05.au3",
        "autoit",
        installers.autoit(5, {">AUTOIT SCRIPT<": _LONG, "data.bin": DATA}),
        {"script": _LONG, "data.bin": DATA},
    ),
    (
        "autoit",
        "ea06.au3",
        "autoit",
        installers.autoit(6, {">>>AUTOIT SCRIPT<<<": _TOKENS, "data.bin": DATA, "text.txt": _LONG}),
        {"script": _SOURCE, "data.bin": DATA, "text.txt": _LONG},
    ),
    (
        "autoit",
        "stored.au3",
        "autoit",
        installers.autoit(6, {"data.bin": DATA}, packed=False),
        {"data.bin": DATA},
    ),
    (
        "installshield",
        "five.cab",
        "iscab",
        installers.cabinet_5({"text.txt": TEXT, "data.bin": DATA, "long.txt": _LONG}),
        {"text.txt": TEXT, "data.bin": DATA, "long.txt": _LONG},
    ),
    (
        "issetup",
        "fixed.setup",
        "issetup",
        installers.setup_stream({"text.txt": TEXT, "data.bin": DATA}, named=False),
        {"text.txt": TEXT, "data.bin": DATA},
    ),
    (
        "issetup",
        "named.setup",
        "issetup",
        installers.setup_stream({"text.txt": TEXT, "data.bin": DATA}, named=True, in_blocks=False),
        {"text.txt": TEXT, "data.bin": DATA},
    ),
    (
        "egg",
        "four.egg",
        "egg",
        eggs.egg(
            {
                "stored.bin": (eggs.STORE, [DATA]),
                "folder/deflated.txt": (eggs.DEFLATE, [TEXT, _LONG]),
                "bzip2.txt": (eggs.BZIP2, [TEXT]),
                "lzma.txt": (eggs.LZMA, [_LONG, DATA]),
            }
        ),
        {"stored.bin": DATA, "folder/deflated.txt": TEXT + _LONG, "bzip2.txt": TEXT, "lzma.txt": _LONG + DATA},
    ),
    (
        "macho_inside",
        "pyinstaller.macho",
        "macho",
        installers.pyinstaller(programs.macho(), {"text.txt": TEXT, "long.txt": _LONG}),
        {"text.txt": TEXT, "long.txt": _LONG},
    ),
    (
        "elf_inside",
        "pyinstaller.elf",
        "elf",
        installers.pyinstaller(programs.elf(), {"text.txt": TEXT, "long.txt": _LONG}),
        {"text.txt": TEXT, "long.txt": _LONG},
    ),
    *(
        (
            form,
            f"bundle{suffix}",
            file_type,
            installers.dotnet_bundle(program, 0x500, {"app.dll": DATA, "long.txt": _LONG}),
            {"app.dll": DATA, "long.txt": _LONG},
        )
        for form, suffix, file_type, program in (
            ("pe_inside", ".exe", "pe", programs.two_sections(size=0xA00).build()),
            ("elf_inside", ".elf", "elf", programs.elf()),
        )
    ),
    *(
        (
            form,
            f"nuitka{suffix}",
            file_type,
            start + installers.nuitka(_PAYLOAD, windows=file_type == "pe", mode=mode) + struct.pack("<Q", len(start)),
            _PAYLOAD,
        )
        for form, suffix, file_type, start, mode in (
            ("pe_inside", ".exe", "pe", programs.two_sections(size=0xA00).build(), "cache"),
            ("elf_inside", ".elf", "elf", programs.elf(), "together"),
        )
    ),
    (
        "biff12",
        "sheet.bin",
        "biff12",
        workbooks.sheet(workbooks.ROW, workbooks.formula(2, 9, bytes(8), workbooks.RUN)),
        {"formulas": b'C5: =EXEC("cmd /c "&"calc")\n'},
    ),
    (
        "elf_inside",
        "pkg.elf",
        "elf",
        programs.elf() + installers.pkg({"index.js": TEXT, "data.bin": DATA}),
        {"snapshot/index.js": TEXT, "snapshot/data.bin": DATA},
    ),
    ("pickled", "dates.pickle", "pickle", pickle.dumps([TEXT, date(2020, 1, 2)], 4), {}),
    ("rar", "two.rar", "rar", rars.rar20({"text.txt": TEXT, "data.bin": DATA}), {"text.txt": TEXT, "data.bin": DATA}),
]
"""Format, file, file type, content, and what is in it."""

MALFORMED: list[tuple[str, str, str, str, slice | tuple[int, bytes], list[str]]] = [
    ("autoit", "truncated.au3", "autoit", "ea05.au3", slice(0, 700), ["truncated"]),
    ("autoit", "damaged.au3", "autoit", "stored.au3", (-600, b"\xff\xff"), ["malformed"]),
    ("installshield", "truncated.cab", "iscab", "five.cab", slice(0, -150), ["truncated"]),
    ("installshield", "no-list.cab", "iscab", "five.cab", (16, b"\0\0\0\0"), ["truncated"]),
    ("egg", "truncated.egg", "egg", "four.egg", slice(0, 2000), ["truncated"]),
    ("egg", "damaged.egg", "egg", "four.egg", (-80, b"\xff\xff\xff"), ["malformed"]),
    ("rar", "truncated2.rar", "rar", "two.rar", slice(0, 2000), ["truncated"]),
    ("macho_inside", "damaged.macho", "macho", "pyinstaller.macho", (-80, b"\xff\xff\xff\xff"), ["malformed"]),
    ("pe_inside", "bundle-cut.exe", "pe", "bundle.exe", slice(0, -20), ["truncated"]),
    ("pe_inside", "nuitka-cut.exe", "pe", "nuitka.exe", slice(0, -200), ["truncated"]),
    ("elf_inside", "nuitka-damaged.elf", "elf", "nuitka.elf", (-42, b"\xff" * 30), ["malformed"]),
    ("nodesea", "truncated.blob", "nodesea", "assets.blob", slice(0, 1300), ["truncated"]),
    ("nodesea", "no-path.blob", "nodesea", "assets.blob", slice(0, 12), ["malformed"]),
    ("elf_inside", "pkg-no-table.elf", "elf", "pkg.elf", (-80, b"\xff" * 40), ["malformed"]),
    ("biff12", "truncated.bin", "biff12", "sheet.bin", slice(0, -20), ["truncated"]),
    ("pickled", "truncated.pickle", "pickle", "dates.pickle", slice(0, 900), []),
    ("issetup", "truncated.setup", "issetup", "fixed.setup", slice(0, 2000), ["truncated"]),
]


def main() -> None:
    golden: dict[str, object] = {}
    for form, name, file_type, content, members in GOLDEN:
        _store("golden", form, name, content)
        hashes = {label: hashlib.sha256(data).hexdigest() for label, data in members.items()}
        golden[f"{form}/{name}"] = {"type": file_type, "members": hashes}
    malformed: dict[str, object] = {}
    for form, name, file_type, origin, damage, problems in MALFORMED:
        content = (HERE / "golden" / form / origin).read_bytes()
        if isinstance(damage, slice):
            content = content[damage]
        else:
            at, patch = damage[0] % len(content), damage[1]
            content = content[:at] + patch + content[at + len(patch) :]
        _store("malformed", form, name, content)
        malformed[f"{form}/{name}"] = {"type": file_type, "problems": problems}
    for folder, added in (("golden", golden), ("malformed", malformed)):
        path = HERE / folder / "expected.json"
        known = json.loads(path.read_text(encoding="utf-8"))
        text = json.dumps(known | added, indent=1, ensure_ascii=False, sort_keys=True)
        path.write_text(text + "\n", encoding="utf-8")


def _store(folder: str, form: str, name: str, content: bytes) -> None:
    target = HERE / folder / form / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


if __name__ == "__main__":
    main()
