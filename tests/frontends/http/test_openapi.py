"""The description of the web API is valid, complete and true."""

import subprocess
import sys
from pathlib import Path

from openapi_spec_validator import validate
from tests.frontends.clamd.conftest import port_of
from tests.frontends.http.conftest import Client, Start

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


def test_it_is_openapi(client: Client) -> None:
    description = client.get("/openapi.json").json
    assert description["openapi"] == "3.1.0"
    validate(description)


def test_schemathesis_finds_no_difference(
    serve: Start, database: Path, token_file: tuple[Path, str], tmp_path: Path
) -> None:
    """It asks what the description allows, and what it does not; the same in each run."""
    path, token = token_file
    daemon = serve(database, "--http", "127.0.0.1:0", "--http-tokens", str(path), "--http-rate", "60000")
    options = ("--max-examples", "8", "--seed", "1", "--checks", "all", "--exclude-checks", "ignored_auth")
    address = f"http://127.0.0.1:{port_of(daemon, 'http')}/openapi.json"
    command = [SCHEMATHESIS, "run", address, *options, "--header", f"Authorization: Bearer {token}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 selected / 8 total" in done.stdout
    assert "internal error" not in daemon.log.read_text()
