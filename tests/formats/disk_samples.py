"""Samples of discs, disks and of what is inside programs; see ``make_golden``."""

_COPY = "; ".join(f"dd if=tree/{name} of=out bs=512 seek={{}} conv=notrunc" for name in ("text.txt", "deep/data.bin"))
_MBR = (
    r"truncate -s 32K out; printf 'start=8,size=8\nstart=16,size=32,type=5\nstart=20,size=6\n' | sfdisk -q -X dos out; "
)
_GPT = (
    r"truncate -s128K out; printf 'first-lba:34\nstart=40,size=8,name=first\nstart=48,size=8\n' | sfdisk -qX gpt out; "
)
_FAT = (
    r"printf '\312\376\272\276\0\0\0\2"
    r"\1\0\0\7\0\0\0\3\0\0\0\60\0\0\7\10\0\0\0\0"
    r"\0\0\0\7\0\0\0\3\0\0\7\70\0\0\13\270\0\0\0\0' > out; cat tree/text.txt tree/deep/data.bin >> out"
)

GOLDEN = {
    "iso/joliet.iso": ("genisoimage -quiet -no-pad -J -R -o out tree", {"text.txt": "text", "deep/data.bin": "data"}),
    "iso/plain.iso": ("genisoimage -quiet -no-pad -o out tree", {"TEXT.TXT": "text", "DEEP/DATA.BIN": "data"}),
    "partitions/mbr.img": (_MBR + _COPY.format(8, 20), {"partition-1": "text:4096", "partition-5": "data:3072"}),
    "partitions/gpt.img": (_GPT + _COPY.format(40, 48), {"first": "text:4096", "partition-2": "data:4096"}),
    "macho_fat/two.macho": (_FAT, {"x86_64": "text", "i386": "data"}),
}
"""How each is made, and what is inside: the text or the data, filled with zeros to a size."""

MALFORMED: list[tuple[str, str, str, slice | tuple[int, bytes], list[str]]] = [
    ("macho_fat", "truncated.macho", "two.macho", slice(0, 1000), ["truncated"]),
    ("iso", "truncated.iso", "joliet.iso", slice(0, 56 * 1024), ["truncated"]),
    ("iso", "no-root.iso", "plain.iso", (32768 + 156, bytes(2)), ["malformed"]),
    ("partitions", "truncated.img", "gpt.img", slice(0, 70 * 512), []),
    ("partitions", "loop.img", "mbr.img", (16 * 512 + 462, bytes.fromhex("0000000005000000000000000800000055aa")), []),
]

Row = tuple[str, str, str, dict[str, bytes]]

TYPES = {
    "two.macho": "macho-fat",
    "truncated.macho": "macho-fat",
    "mbr.img": "mbr",
    "loop.img": "mbr",
    "gpt.img": "gpt",
    "truncated.img": "gpt",
}
"""What samples are whose type has another name than their format."""


def golden(text: bytes, data: bytes) -> list[Row]:
    """Return the rows for ``make_golden.GOLDEN``."""
    contents = {"text": text, "data": data}
    rows = []
    for path, (command, members) in GOLDEN.items():
        form, name = path.split("/")
        filled = {}
        for member, content in members.items():
            which, _, size = content.partition(":")
            filled[member] = contents[which].ljust(int(size or 0), b"\0")
        rows.append((form, name, command, filled))
    return rows
