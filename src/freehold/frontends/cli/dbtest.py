"""``freehold db test``: what a signature finds, for the person who writes it.

Harmless carriers are made that the signature must match, and near misses that it must not; the same sandboxed engine
that scans files examines them, with the signature compiled as it would be shipped.
"""

import argparse
from pathlib import Path

from freehold.frontends.cli import options

_EXAMPLES = """\
exit status: 0 all is as expected, 1 something is not, 3 or higher usage and internal errors

examples:
  freehold db test 'Own.Test;Engine:51-255,Target:0;0&1;EP+0:558bec??6aff;6576696c2d6d61726b6572'
  freehold db test rules.ldb --keep carriers/
  freehold db test --database rules.toml Own.Rule samples/
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli``."""
    parser.epilog = _EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "signature",
        metavar="SIGNATURE",
        help="its text in any language, a signature file, or a name in the source files that --database names",
    )
    parser.add_argument("files", metavar="FILE", nargs="*", help="files and folders to compare with it, too")
    parser.add_argument("--keep", metavar="DIR", type=Path, help="leave the carriers there")
    options.add_examination(parser)


def run(args: argparse.Namespace) -> int:
    """Test signatures, and return 0 when everything is as expected."""
    from freehold.frontends.cli.trial import try_signatures  # the compiler takes longer to load than other commands run

    return try_signatures(args)
