"""Formats whose samples are made while the tests run, as they are too large to be stored, and how."""

LARGE = {
    "ext": ["mke2fs -q -t ext4 -d tree out 4M", "mke2fs -q -t ext2 -b 1024 -d tree out 4M"],
    "ntfs": [
        (
            "truncate -s 8M out; mkntfs -q -F out;"
            " for f in text.txt deep/random.bin; do ntfscp -q out tree/$f $(basename $f); done"
        )
    ],
    "udf": ["genisoimage -quiet -udf -o out tree"],
    "qcow2": ["qemu-img convert -O qcow2 disk out", "qemu-img convert -c -O qcow2 disk out"],
    "vdi": ["qemu-img convert -O vdi disk out"],
    "vmdk": ["qemu-img convert -O vmdk disk out"],
    "vhd": ["qemu-img convert -O vpc disk out"],
    "vhdx": ["qemu-img convert -O vhdx disk out"],
    "hfs": [],
    "apfs": [],
    "unopened": [],
}  # fmt: skip
"""Commands that make one from the folder ``tree`` or the file ``disk``; none: Debian has no maker of it."""

BEYOND_THE_END = frozenset({"lha", "arj", "xar", "nsis", "7z", "cab"})
"""Types whose decoders read zeros behind a cut, and so add a little of their own."""

PADDED = 300
"""Bytes that they may add."""
