"""Compare what Freehold takes files for with what ``file --mime-type`` says: ``python bench/identify.py``.

    python bench/identify.py [--files 10000] [--seed 1] [--write docs/identification.md] [FOLDER …]

Files are chosen at random, always alike, from all that lie in the folders. Libmagic knows hundreds of kinds of text and
of pictures that make no difference to a scan, so a type agrees with several MIME types (``AGREES``); where Freehold has
no type at all, and nothing to open, that is counted on its own.
"""

import argparse
import os
import random
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from freehold.engine.identify import identify
from freehold.model.view import FileView

FOLDERS = ("/usr", "/etc", "/opt", "/var/lib", "/root")

AGREES = {
    "text": r"text/(?!html|xml).*|application/(json|javascript|x-ndjson|pgp-.*|vnd\.hp-HPGL|x-wine-extension-ini)"
    r"|message/news|application/x-(setupscript|bytecode\.elc|mswinurl|wine-extension-ini)",
    "script": r"text/(?!html|xml).*|application/javascript",
    "html": r"text/(html|xml)|image/svg\+xml|application/xhtml\+xml",
    "xml": r"text/(xml|html)|image/svg\+xml|application/(xml|.*\+xml)",
    "mail": r"message/rfc822",
    "mbox": r"application/mbox",
    "utf16": r"text/.*|application/json",
    "empty": r"inode/x-empty",
    "data": r"application/octet-stream",
    "pyc": r"application/x-bytecode\.python",
    "gzip": r"application/gzip",
    "bzip2": r"application/x-bzip2",
    "xz": r"application/x-xz",
    "zstd": r"application/zstd",
    "zip": r"application/(zip|java-archive|epub\+zip|vnd\.(openxmlformats|oasis|android).*|x-.*zip)",
    "tar": r"application/x-(tar|gtar)",
    "ar": r"application/(x-archive|vnd\.debian\.binary-package)",
    "elf": r"application/x-(sharedlib|pie-executable|executable|object|coredump)",
    "pe": r"application/(vnd\.microsoft\.portable-executable|x-dosexec|x-ms-ne-executable)",
    "macho": r"application/x-mach-binary",
    "macho-fat": r"application/x-mach-binary",
    "java-class": r"application/(x-java-applet|java-vm)",
    "cab": r"application/vnd\.ms-cab-compressed",
    "ole2": r"application/(CDFV2|x-ole-storage|msword|vnd\.ms-.*|x-msi)",
    "gettext": r"application/x-gettext-translation",
    "font": r"(application|font)/.*(font|woff|ttf|otf|sfnt).*",
    "sqlite": r"application/(vnd\.sqlite3|x-sqlite3)",
    "png": r"image/png",
    "gif": r"image/gif",
    "jpeg": r"image/jpeg",
    "tiff": r"image/tiff",
    "bmp": r"image/(bmp|x-ms-bmp)",
    "ico": r"image/(vnd\.microsoft\.icon|x-icon)",
    "webp": r"image/webp",
    "riff": r"(audio|video)/.*|application/x-riff",
    "mp3": r"audio/mpeg",
    "ogg": r"(audio|video|application)/.*ogg",
    "mp4": r"(audio|video|image)/.*",
    "flac": r"audio/flac",
    "pdf": r"application/pdf",
    "postscript": r"application/postscript|image/x-eps",
    "rtf": r"text/rtf",
    "swf": r"application/(x-shockwave-flash|vnd\.adobe\.flash\.movie)",
    "wasm": r"application/wasm",
    "pickle": r"application/(octet-stream|x-pickle)",
}
"""MIME types that mean the same as a type of Freehold's; types that are not named here never agree."""

NO_TYPE = re.compile(r"application/(x-terminfo2?|x-matlab-data|pgp-keys|x-git|x-dbf)|(audio|video|image|font)/.*")
"""What libmagic names and Freehold has no type for: it is compared as data, and looked through for programs."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", default=FOLDERS, metavar="FOLDER")
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, help="write the page of documentation there")
    args = parser.parse_args()
    text = page(list(compared(chosen(args.folders, args.files, args.seed))), f"--files {args.files} --seed {args.seed}")
    if args.write:
        args.write.write_text(text, "utf-8")
    else:
        sys.stdout.write(text)
    return 0


def chosen(folders: Sequence[str], count: int, seed: int) -> list[str]:
    """Return paths of regular files that can be read."""
    found = [
        str(path)
        for folder in folders
        for place, _, names in os.walk(folder)
        for path in (Path(place, name) for name in names)
        if "\n" not in path.name and not path.is_symlink() and path.is_file() and os.access(path, os.R_OK)
    ]
    found.sort()
    random.Random(seed).shuffle(found)  # noqa: S311 - no secret
    return found[:count]


def compared(paths: Sequence[str]) -> Iterable[tuple[str, str, str]]:
    """Yield each path with Freehold's type and the MIME type that ``file`` gives."""
    command = ["file", "--mime-type", "--brief", "--files-from", "-"]
    said = subprocess.run(command, input="\n".join(paths), check=True, capture_output=True, text=True).stdout
    for path, mime in zip(paths, said.splitlines(), strict=True):
        with Path(path).open("rb") as file:
            yield path, identify(FileView(file.fileno(), 0, os.fstat(file.fileno()).st_size)), mime


def page(rows: list[tuple[str, str, str]], how: str) -> str:
    """Return what came of it, for ``docs``."""
    kinds: Counter[str] = Counter()
    differences: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for path, file_type, mime in rows:
        if re.fullmatch(AGREES.get(file_type, "-"), mime):
            kinds["same"] += 1
        elif file_type == "data" and NO_TYPE.fullmatch(mime):
            kinds["none"] += 1
        else:
            differences[file_type, mime].append(path)
    count = len(rows)
    lines = [
        "# Identification beside libmagic",
        "",
        f"<!-- Generated by `python bench/identify.py {how} --write docs/identification.md`; do not edit. -->",
        "",
        (
            f"Of {count:,} files of a developer's machine, chosen at random, Freehold and `file --mime-type` take "
            f"{kinds['same'] / count:.2%} for the same. A further {kinds['none'] / count:.2%} are of kinds that "
            "Freehold has no type for and that hold nothing to be opened: they are compared as *data* and looked "
            f"through for programs. The other {1 - (kinds['same'] + kinds['none']) / count:.2%}:"
        ),
        "",
        "| files | Freehold | libmagic | for example |",
        "|---|---|---|---|",
    ]
    ranked = sorted(differences.items(), key=lambda item: (-len(item[1]), item[0]))
    lines += [f"| {len(p)} | `{t}` | `{m}` | `{Path(p[0]).name}` |" for (t, m), p in ranked]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
