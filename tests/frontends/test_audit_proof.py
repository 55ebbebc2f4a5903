"""The packs that come with Freehold: every indicator is found where it would be, and nothing that only looks alike."""

import json
import plistlib
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.engine.inventory import hives
from tests.frontends.conftest import Run

from freehold.model.policy import Indicator, IndicatorKind
from freehold.signatures import policies

KIND = IndicatorKind
SIGNED = {KIND.TEAM_ID}
"""What needs a signed program; see the tests of code signatures."""

RUNNING = {KIND.PROCESS}
INDICATORS = [
    indicator
    for pack in policies.read(policies.find([])).packs
    for product in pack.products
    for indicator in product.indicators
]


def audit(freehold: Run, *args: object, **options: object) -> tuple[int, list[dict[str, object]]]:
    done = freehold("audit", "--format", "jsonl", *args, **options)
    record = json.loads(done.stdout)
    assert not args or record["problems"] == []  # what runs here may be hidden from this user
    return done.returncode, record["findings"]


def signs(findings: list[dict[str, object]]) -> set[tuple[str, str]]:
    return {(item["kind"], item["value"]) for finding in findings for item in finding["evidence"]}


def write(path: Path, content: bytes = b"") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(content)


class System:
    """The root of a system, to which what an indicator names can be added."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.drivers: dict[str, dict[str, str]] = {"Select": {"Current": "dword:1"}}
        self.software: dict[str, dict[str, str]] = {}
        self.components: list[dict[str, str]] = []
        write(root / "etc/hostname", b"host\n")
        write(root / "usr/bin/true")

    def add(self, indicator: Indicator) -> None:
        value = indicator.value.replace("*", "any")
        makers: dict[IndicatorKind, Callable[[str], None]] = {
            KIND.PACKAGE: self._package,
            KIND.SERVICE: lambda name: write(self.root / f"etc/systemd/system/{name}.service"),
            KIND.MODULE: self._driver,
            KIND.PUBLISHER: self._authority,
            KIND.BUNDLE_ID: self._bundle,
            KIND.REGISTRY: self._key,
            KIND.COMPONENT: lambda name: self.components.append({"name": name}),
            KIND.HOST: lambda name: write(self.root / "etc/hosts", f"0.0.0.0 {name}\n".encode()),
        }
        if indicator.kind is KIND.PATH:
            self._path(indicator.value)
        elif indicator.kind in makers:
            makers[indicator.kind](value)

    def finish(self) -> None:
        """Write what is in one file together."""
        config = self.root / "Windows/System32/config"
        config.mkdir(parents=True, exist_ok=True)
        hives.make(config / "SYSTEM", self.drivers)
        hives.make(config / "SOFTWARE", self.software)

    def bill(self, path: Path) -> Path:
        path.write_text(json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": self.components}))
        return path

    def _package(self, name: str) -> None:
        write(self.root / "lib/apk/db/installed", f"P:{name}\nV:1\n\n".encode())

    def _driver(self, name: str) -> None:
        self.drivers[rf"ControlSet001\Services\{name}"] = {"Type": "dword:2"}

    def _authority(self, name: str) -> None:
        path = self.root / f"usr/local/share/ca-certificates/{name}.crt"
        write(path)
        make = ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", "/dev/null", "-out", path]
        subprocess.run([*make, "-subj", f"/O={name}/CN=Root"], check=True, capture_output=True)

    def _bundle(self, name: str) -> None:
        info = plistlib.dumps({"CFBundleIdentifier": name}, fmt=plistlib.FMT_BINARY)
        write(self.root / f"Applications/{name}.app/Contents/Info.plist", info)

    def _key(self, value: str) -> None:
        key, _, content = value.removeprefix("HKLM\\SOFTWARE\\").partition(":")
        name, _, text = content.partition("=")
        self.software[key] = {name: f"string:{text}"} if name else {}

    def _path(self, value: str) -> None:
        if value.endswith("/*"):
            value = value[:-1] + "any"
        if value.startswith("*/bin/"):
            value = "/opt/any" + value[1:]
        path = self.root / value.replace("*", "Program Files/Any").strip("/")
        if not path.exists():
            write(path) if "." in path.name or "any" in path.parts or "bin" in path.parts else path.mkdir(parents=True)


@pytest.mark.skipif(not shutil.which("hivexsh"), reason="needs libhivex-bin")
def test_every_indicator_is_found(freehold: Run, tmp_path: Path) -> None:
    system = System(tmp_path / "root")
    for indicator in sorted(INDICATORS, key=lambda indicator: -len(indicator.value)):
        system.add(indicator)
    system.finish()
    status, findings = audit(freehold, tmp_path / "root", f"sbom:{system.bill(tmp_path / 'bom.json')}")
    expected = {(item.kind.value, item.value) for item in INDICATORS if item.kind not in SIGNED | RUNNING}
    assert signs(findings) >= expected
    assert len(expected) > 50
    assert status == 1


@pytest.mark.parametrize("indicator", INDICATORS, ids=lambda indicator: f"{indicator.kind}={indicator.value}"[:60])
def test_alone_it_proves_what_its_strength_says(indicator: Indicator, tmp_path: Path) -> None:
    """Judged in this process: the way through the command is that of the test above."""
    from freehold.service.audit.evidence import Collection

    collection = Collection(policies.read(policies.find([])))
    collection.see(indicator.kind, indicator.value.replace("*", "any"), "/", "here")
    found = list(collection.findings())
    assert found
    assert any(finding.found for finding in found) is (indicator.strength == "strong")


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_program_that_runs_with_such_a_name_says_look_here(freehold: Run, tmp_path: Path) -> None:
    program = tmp_path / "avp.exe"
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([program, "60"]) as process:
        status, findings = audit(freehold)
        process.kill()
    assert ("process", "avp.exe") in signs(findings)
    assert status == 2
    assert not any(finding["found"] for finding in findings)


LOOK_ALIKES = {
    "opt/vendor/avp.exe": b"MZ",
    "usr/bin/avp": b"#!/bin/sh\n",
    "usr/bin/kesl-controls": b"",
    "usr/share/doc/kesl/readme": b"Kaspersky Endpoint Security for Linux: /opt/kaspersky, kesl, klnagent, 2Y8XE5CQ94",
    "home/u/opt/kaspersky/kesl/readme": b"kesl",
    "var/lib/dpkg/status": b"Package: libkesl-perl\nStatus: install ok installed\nVersion: 1\n"
    b"Description: talks to kesl\n Package: kesl\n\nPackage: kesl\nStatus: purge ok not-installed\nVersion: 1\n",
    "lib/apk/db/installed": b"P:kesl-doc-perl\nV:1\nT:P:kesl\n\n",
    "etc/systemd/system/kesl-exporter.service": b"[Service]\nExecStart=/usr/bin/kesl\n",
    "etc/hosts": b"127.0.0.1 localhost # touch.kaspersky.com\n10.0.0.1 kaspersky.example upd.kaspersky.com.example\n",
    "Applications/Tool.app/Contents/Info.plist": plistlib.dumps({"CFBundleIdentifier": "org.com.kaspersky.fan"}),
    "Windows/System32/drivers/klifx.sys": b"",
}


def test_what_only_looks_like_it_is_nothing(freehold: Run, tmp_path: Path) -> None:
    for name, content in LOOK_ALIKES.items():
        write(tmp_path / "root" / name, content)
    if shutil.which("hivexsh"):
        config = tmp_path / "root/Windows/System32/config"
        config.mkdir()
        hives.make(config / "SOFTWARE", {r"Vendor\KasperskyLab": {"Name": "string:Kaspersky"}, "KasperskyLabs": {}})
    assert audit(freehold, tmp_path / "root") == (0, [])


def test_a_file_of_such_a_name_alone_says_nothing_where_programs_do_not_lie(freehold: Run, tmp_path: Path) -> None:
    write(tmp_path / "downloads/avp.exe", b"MZ")
    write(tmp_path / "downloads/kesl.txt", b"kesl kaspersky")
    assert audit(freehold, tmp_path / "downloads") == (0, [])
    write(tmp_path / "downloads/avpservice.dll", b"MZ")
    status, (finding,) = audit(freehold, tmp_path / "downloads")
    assert (status, finding["found"]) == (2, False)


def test_this_machine_holds_none_of_it(freehold: Run) -> None:
    """A Debian with developers' tools; also what PyPI brought for these tests."""
    _, findings = audit(freehold)
    assert {sign for sign in signs(findings) if sign[0] != "process"} == set()  # another test may run at this moment


PACKAGES = {"PyPI": Path(sysconfig.get_path("purelib")), "npm": Path("/usr/lib/node_modules")}


@pytest.mark.slow
@pytest.mark.parametrize("registry", PACKAGES)
def test_packages_of_registries_hold_none_of_it(freehold: Run, registry: str) -> None:
    if not PACKAGES[registry].is_dir():
        pytest.skip(f"needs packages of {registry}")
    done = freehold("scan", "--policy", "kaspersky", "--no-cache", "--format", "jsonl", PACKAGES[registry])
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) > 100
    assert [line["path"] for line in lines if line["verdict"] == "prohibited"] == []
