"""``freehold unpack``: write everything that is inside a file into a folder, as the scan sees it."""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from freehold.frontends.cli import options
from freehold.frontends.cli.explain import single_entry
from freehold.model.errors import UsageError
from freehold.model.report import Report, Verdict
from freehold.responses import unpacked
from freehold.responses.unpacked import Written
from freehold.responses.wording import count_text, printable, size_text
from freehold.sandbox.collecting import records

_EXAMPLES = """\
The files of a container x.zip lie in x.zip.d beside it. Names are made safe, nothing is executable, and
artifacts.json in the folder lists the true names. What comes out may be malware: --neutralize flips every bit.
To flip it back:  python3 -c 'import sys; sys.stdout.buffer.write(bytes(b ^ 255 for b in sys.stdin.buffer.read()))'

exit status: 0 all unpacked, 2 something could not be examined, 3 or higher: usage or internal errors

examples:
  freehold unpack invoice.eml -o parts
  freehold unpack --neutralize dropper.exe -o parts
  freehold unpack --format json image.iso -o parts | jq -r '.artifacts[] | select(.type == "pe") | .path'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli``."""
    parser.epilog = _EXAMPLES
    parser.add_argument("file", metavar="FILE", help="what to open")
    parser.add_argument("-o", "--output", metavar="DIR", required=True, help="a new or empty folder")
    parser.add_argument("--neutralize", action="store_true", help="flip every bit, so that nothing runs or is detected")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: %(default)s")
    options.add_limits(parser)


def run(args: argparse.Namespace) -> int:
    """Unpack one file, show the tree, and return the exit status."""
    if sys.platform != "linux":
        raise UsageError("freehold unpack needs Linux: only there can a worker hand over what it finds")
    folder = Path(args.output)
    entry = single_entry(os.fsencode(args.file), "unpack")
    unpacked.prepare(folder)
    with tempfile.TemporaryFile(dir=folder) as collected:
        fd = collected.fileno()
        with options.open_pool(args, [], jobs=1, collect=fd) as pool:
            (finished,) = pool.scan([entry])
        written = []
        for artifact in unpacked.write(fd, records(fd), folder, neutral=args.neutralize):
            written.append(artifact)
            if args.format == "text":
                print(_row(artifact))
    unpacked.write_manifest(folder, written)
    if args.format == "json":
        print(json.dumps(_object(finished.report, written), indent=2))
    else:
        print(*_summary(finished.report, written, folder), sep="\n")
    return 2 if finished.report.verdict is Verdict.INCOMPLETE else 0


def _row(artifact: Written) -> str:
    record = artifact.record
    label = f"{'  ' * record.depth}{printable(record.name)}"
    return f"{label:<60}  {printable(record.file_type) or '?':<10}" + (
        f" {size_text(record.size):>9}" if artifact.path else ""
    )


def _summary(report: Report, written: list[Written], folder: Path) -> Iterator[str]:
    yield ""
    yield f"{count_text(max(len(written) - 1, 0), 'artifact')} in {printable(str(folder))}"
    yield from (f"  {p.kind}: {printable(p.detail)} (in {printable(p.artifact)})" for p in report.problems)


def _object(report: Report, written: list[Written]) -> dict[str, object]:
    problems = [{"kind": p.kind, "artifact": p.artifact, "detail": p.detail} for p in report.problems]
    return {"artifacts": unpacked.manifest(written), "problems": problems}
