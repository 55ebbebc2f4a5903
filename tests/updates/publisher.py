"""A publisher for tests: a repository of its own, driven through the public command line."""

import io
import json
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from freehold.frontends.cli import main
from freehold.updates.content import heads, releases
from freehold.updates.content.releases import Release

START = int(time.time()) - 86_400
"""Seconds since 1970; release n is published n minutes later, unless a test says otherwise."""


class Refused(Exception):
    """A command ended with an error; its text is what was printed."""


def command(*arguments: object, status: int = 0) -> dict[str, Any]:
    """Run ``freehold repo …`` in this process; return its JSON answer where it gives one."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        got = main(["repo", *map(str, arguments)])
    if got != status:
        raise Refused(f"status {got}: {err.getvalue()}{out.getvalue()}")
    answer: dict[str, Any] = json.loads(out.getvalue()) if "--json" in arguments else {}
    return answer | {"stderr": err.getvalue()}


class Publisher:
    """A demonstration repository and the signature files that its releases are made of.

    Releases are not gated unless a test says so: that takes most of the time.
    """

    def __init__(self, folder: Path, *options: object, feed: str = "core", gate: bool = False) -> None:
        self.folder = folder / "repo"
        self.sources = folder / "sources"
        self.sources.mkdir(parents=True)
        self.feed = feed
        self.run("init", "--demo", "--feed", feed, *([] if gate else ["--no-gate"]), *options)

    @property
    def public(self) -> Path:
        """The tree that clients read."""
        return self.folder / "public"

    def run(self, action: str, *options: object, status: int = 0) -> dict[str, Any]:
        """Run one action on the repository."""
        return command(action, self.folder, *options, "--json", status=status)

    def write(self, **files: str | bytes) -> None:
        """Write signature files: ``hdb="…"`` becomes ``own.hdb``."""
        for suffix, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            (self.sources / f"own.{suffix}").write_bytes(data)

    def build(self, *options: object) -> dict[str, Any]:
        """Build the next release of what was written, a minute after the last one."""
        seq = self.current().seq + 1 if (self.public / "head").is_file() else 1
        times = () if "--published" in options else ("--published", START + 60 * seq)
        return self.run("build", self.sources, *times, *options)

    def release(self, *options: object, **files: str | bytes) -> Release:
        """Build, sign and publish a release of what was written, with these files, too."""
        self.write(**files)
        self.build(*options)
        return self.publish()

    def publish(self) -> Release:
        """Sign and publish what is staged."""
        self.run("sign", "--demo")
        self.run("publish")
        return self.current()

    def head(self) -> dict[str, bytes]:
        """Return the members of the head."""
        return heads.decode((self.public / "head").read_bytes())

    def current(self) -> Release:
        """Return the release that is public."""
        return releases.parse(self.head()[heads.RELEASE])


def hashes(*numbers: int) -> str:
    """Return hash signatures, one for each number."""
    return "".join(f"{number:032x}:{1000 + number}:Own.Hash-{number}\n" for number in numbers)
