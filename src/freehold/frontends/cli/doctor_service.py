"""``freehold doctor --service``: what the kernel says of a daemon's processes, not what the daemon says of them."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from freehold.frontends.control import client
from freehold.responses.wording import printable

_EMULATOR = "fh-emulator"
"""How the process calls itself that forks emulators and looks at no content (``sandbox.emulators``)."""

_PARSERS = re.compile(r"hyperscan|yara_x|libarchive|libunrar|icicle|\blibz|lzma|brotli|olefile|pefile", re.IGNORECASE)
"""Libraries that look into content; the daemon itself must have loaded none of them."""

_OWN = ("libz.", "liblzma.")
"""What Python itself brings."""

_NOWHERE = re.compile(r"(socket|pipe|anon_inode):.*|/memfd:.*|.* \(deleted\)|/dev/null")
"""Where a worker's descriptors may lead: to nothing that has a name."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that must hold.

    Attributes:
        process: its number.
        what: must hold.
        holds: whether it does; None when this user may not know.
        found: what the kernel says.
    """

    process: int
    what: str
    holds: bool | None
    found: str


def run(path: Path | None, *, as_json: bool) -> int:
    """Print what was found of the daemon behind a control socket; returns the exit status."""
    status = client.ask(path or client.usual_path(), "status")
    daemon, zygotes = status["processes"]["daemon"], status["processes"]["zygotes"]
    databases = tuple(f"{path}/" for path in status["databases"])
    workers = [pid for zygote in zygotes for pid in _children(zygote) if _name(pid) != _EMULATOR]
    findings = [*_daemon(daemon), *(finding for pid in workers for finding in _worker(pid, databases))]
    holds = bool(workers) and all(finding.holds is not False for finding in findings)
    if as_json:
        found = [asdict(finding) for finding in findings]
        print(json.dumps({"daemon": daemon, "workers": workers, "findings": found, "holds": holds}, indent=2))
    else:
        print("\n".join(_lines(status["sandbox"], workers, findings, holds=holds)))
    return 0 if holds else 1


def _lines(sandbox: str, workers: list[int], findings: list[Finding], *, holds: bool) -> Iterator[str]:
    yield f"the daemon says: {printable(sandbox)}; the kernel says:"
    wide = max(len(finding.what) for finding in findings)
    words = {True: "yes", False: "NO", None: "unknown"}
    for finding in findings:
        yield f"{finding.process:<8}{finding.what:<{wide}}  {words[finding.holds]:<7}  {printable(finding.found)}"
    yield ""
    if not workers:
        yield "No worker is running, so nothing is shown of any: send the daemon something to examine and ask again."
    elif holds:
        unknown = any(finding.holds is None for finding in findings)
        yield "All workers are confined." + (" Root is shown more." if unknown else "")
        yield "Landlock does not show in /proc: 'freehold doctor' proves it with a process that is confined alike."
    else:
        yield "A PROCESS IS NOT CONFINED AS IT MUST BE."


def _daemon(pid: int) -> Iterator[Finding]:
    what = "the daemon has loaded no library that looks into content"
    try:
        maps = Path(f"/proc/{pid}/maps").read_text("utf-8", "replace")
    except OSError as error:
        yield Finding(pid, what, None, error.strerror or "")
        return
    files = {line.split(maxsplit=5)[5] for line in maps.splitlines() if len(line.split(maxsplit=5)) == 6}
    names = {Path(file).name for file in files if _PARSERS.search(Path(file).name)}
    names = {name for name in names if not (name.startswith(_OWN) or "cpython" in name)}
    yield Finding(pid, what, not names, ", ".join(sorted(names)) or f"{len(files)} files mapped")


def _worker(pid: int, databases: tuple[str, ...]) -> Iterator[Finding]:
    try:
        fields = dict(re.findall(r"^(\w+):\s*(.*)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE))
    except OSError:  # it has ended meanwhile
        return
    yield Finding(pid, "system calls are filtered", fields.get("Seccomp") == "2", f"Seccomp {fields.get('Seccomp')}")
    yield Finding(pid, "no new privileges", fields.get("NoNewPrivs") == "1", f"NoNewPrivs {fields.get('NoNewPrivs')}")
    capabilities = {fields.get(name, "?") for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")}
    yield Finding(pid, "no capabilities", capabilities == {"0" * 16}, "CapEff " + fields.get("CapEff", "?"))
    users = fields.get("Uid", "0").split()
    yield Finding(pid, "not root", "0" not in users, f"Uid {users[0]}")
    yield from _limits(pid)
    yield from _descriptors(pid, databases)
    yield from _root(pid)


def _limits(pid: int) -> Iterator[Finding]:
    text = _read(pid, "limits")
    for what, name in (("no further processes", "Max processes"), ("no core files", "Max core file size")):
        match = re.search(rf"^{name}\s+(\S+)", text or "", re.MULTILINE)
        yield Finding(pid, what, match[1] == "0" if match else None, f"{name} {match[1]}" if match else "")


def _descriptors(pid: int, databases: tuple[str, ...]) -> Iterator[Finding]:
    what = "descriptors lead to databases and to what it examines, else to nothing with a name"
    try:
        targets = [os.readlink(entry.path) for entry in os.scandir(f"/proc/{pid}/fd")]  # noqa: PTH115
    except OSError as error:
        yield Finding(pid, what, None, error.strerror or "")
        return
    named = [target for target in targets if not (_NOWHERE.fullmatch(target) or target.startswith(databases))]
    yield Finding(pid, what, len(named) <= 1, f"{len(targets)} open" + (f", {named[0]}" if named else ""))


def _root(pid: int) -> Iterator[Finding]:
    if os.geteuid() != 0:
        return
    try:
        names = os.listdir(f"/proc/{pid}/root")  # noqa: PTH208
    except OSError as error:
        yield Finding(pid, "sees an empty file system", None, error.strerror or "")
        return
    yield Finding(pid, "sees an empty file system", not names, f"{len(names)} names in its root")


def _children(pid: int) -> list[int]:
    return [int(child) for child in (_read(pid, f"task/{pid}/children") or "").split()]


def _name(pid: int) -> str:
    return (_read(pid, "comm") or "").strip()


def _read(pid: int, name: str) -> str | None:
    try:
        return Path(f"/proc/{pid}/{name}").read_text("utf-8", "replace")
    except OSError:
        return None
