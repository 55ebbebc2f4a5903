"""Three organisations with a copy of the same repository each, five people with keys at home, three witnesses."""

import shutil
from pathlib import Path
from typing import Any

from tests.updates.publisher import START, command

PEOPLE = ("ann", "ben", "cleo", "dan", "eva")
ORGANISATIONS = ("north", "south", "west")


class Organisation:
    """One organisation: a copy of the repository, a key, and nobody else's secrets."""

    def __init__(self, home: Path, name: str) -> None:
        self.name = name
        self.home = home
        self.key = home / f"{name}.pem"
        self.repository = home / "repo"
        home.mkdir()
        command("key", "new", self.key, "--no-passphrase", "--json")

    def run(self, action: str, *options: object) -> dict[str, Any]:
        return command(action, self.repository, *options, "--json")

    def build(self, sources: Path, number: int, *options: object) -> dict[str, Any]:
        return self.run("build", sources, "--published", START + 60 * number, *options)

    def sign(self) -> list[str]:
        return list(self.run("sign", "--key", self.key)["signed"])

    def take(self, other: "Organisation") -> None:
        """Take what another organisation has staged and signed."""
        self.run("merge", other.repository / "staged")

    def follow(self, other: "Organisation") -> None:
        """Bring the public tree up to date and forget what was staged."""
        command("mirror", other.repository / "public", self.repository / "public", "--history", "--json")
        shutil.rmtree(self.repository / "staged", ignore_errors=True)


def ceremony(folder: Path, *options: object) -> list[Organisation]:
    """Let everybody make keys, and five people found a repository; ``north`` keeps the key of the log."""
    people = folder / "people"
    for name in PEOPLE:
        command("key", "new", people / f"{name}.pem", "--no-passphrase", "--json")
    organisations = [Organisation(folder / name, name) for name in ORGANISATIONS]
    first = organisations[0]
    roles = [("--key", f"root={people / name}.pem.pub") for name in PEOPLE]
    roles += [("--key", f"core={one.key}.pub") for one in organisations]
    first.run("init", *(word for pair in roles for word in pair), "--no-gate", *options)
    for one in organisations[1:]:
        shutil.copytree(first.repository, one.repository, ignore=shutil.ignore_patterns("keys"))
    return organisations


def signed_at_home(folder: Path, person: str, repository: Path) -> Path:
    """Let one person take a copy of what is staged home, sign it there, and bring it back; returns what came back."""
    home = folder / f"home of {person}"
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(repository, home, ignore=shutil.ignore_patterns("keys"))
    command("sign", home, "--key", folder / "people" / f"{person}.pem", "--json")
    return home / "staged"
