"""Makes the stored samples of .NET: ``python -m tests.formats.make_dotnet``; needs ``mcs`` and ``mono``."""

import hashlib
import subprocess
import tempfile
from pathlib import Path

from tests.formats.make_golden import DATA, HERE, TEXT
from tests.formats.make_packed import _add

WRITER = """
using System; using System.IO; using System.Resources;
class Writer { static void Main() {
  using (var to = new ResourceWriter("values.resources")) {
    to.AddResource("text", File.ReadAllText("text.txt")); to.AddResource("data", File.ReadAllBytes("data.bin"));
    to.AddResource("stream", new MemoryStream(File.ReadAllBytes("data.bin"))); to.AddResource("number", 42);
    to.AddResource("flag", true); to.AddResource("when", new DateTime(2020, 1, 2));
    to.AddResource("nothing", (object)null);
    to.AddResource("version", new Version(1, 2, 3, 4)); } } }
"""
PROGRAM = """
using System; using System.Reflection; using System.Runtime.InteropServices;
[assembly: AssemblyVersion("1.2.3.4")]
class Program {
  [DllImport("kernel32.dll")] static extern IntPtr LoadLibrary(string name);
  static void Main() { if (DateTime.Now.Year < 1000) LoadLibrary("x"); } }
"""
COMMANDS = """
mcs -out:writer.exe writer.cs
mono writer.exe
mcs -out:out.exe -resource:values.resources -resource:text.txt,Sample.text program.cs
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, content in (("writer.cs", WRITER), ("program.cs", PROGRAM)):
            (folder / file).write_text(content, "ascii")
        (folder / "text.txt").write_bytes(TEXT)
        (folder / "data.bin").write_bytes(DATA)
        subprocess.run(["sh", "-ec", COMMANDS], cwd=folder, check=True)
        values, program = (folder / "values.resources").read_bytes(), (folder / "out.exe").read_bytes()
    for kind in ("golden", "malformed"):
        (HERE / kind / "netresources").mkdir(exist_ok=True)
    members = {"text": TEXT, "data": DATA, "stream": DATA}
    resources = {"resource:values.resources": values, "resource:Sample.text": TEXT}
    damaged = program.replace(b"BSJB", b"BSJC")
    files: dict[str, bytes] = {
        "golden/netresources/values.resources": values,
        "golden/pe_inside/dotnet.exe": program,
        "malformed/netresources/truncated.resources": values[:6000],
        "malformed/netresources/no-names.resources": values[:300],
        "malformed/pe_inside/dotnet.exe": damaged,
    }
    for path, content in files.items():
        (HERE / path).write_bytes(content)
    _add(
        "golden",
        {
            "netresources/values.resources": {"type": "netresources", "members": _digests(members)},
            "pe_inside/dotnet.exe": {"type": "pe", "members": _digests(resources)},
        },
    )
    _add(
        "malformed",
        {
            "netresources/truncated.resources": {"type": "netresources", "problems": ["truncated"]},
            "netresources/no-names.resources": {"type": "netresources", "problems": ["malformed"]},
            "pe_inside/dotnet.exe": {"type": "pe", "problems": ["malformed"]},
        },
    )


def _digests(members: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}


if __name__ == "__main__":
    main()
