"""The examples of docs/http.md, run as they are written."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.frontends.clamd.conftest import MARKER
from tests.frontends.http.conftest import Client

DOCUMENT = Path(__file__).parents[3] / "docs" / "http.md"
BLOCKS = re.findall(r"```(sh|python|js)\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
COMMANDS = {"sh": ["sh", "-eu"], "python": [sys.executable, "-"], "js": ["node", "--input-type=module", "-"]}


def test_there_are_examples() -> None:
    assert [language for language, _ in BLOCKS] == ["sh", "python", "js", "sh"]


@pytest.mark.parametrize(("language", "text"), BLOCKS, ids=lambda value: value[:20].strip())
def test_an_example_finds_what_is_there(client: Client, tmp_path: Path, language: str, text: str) -> None:
    for needed in {"sh": ["curl"], "js": ["node"]}.get(language, []):
        if not shutil.which(needed):
            pytest.skip(f"{needed} is not installed")
    with zipfile.ZipFile(tmp_path / "invoice.zip", "w") as made:
        made.writestr("invoice.txt", MARKER)
    code = text.replace("127.0.0.1:8080", f"127.0.0.1:{client.port}")
    environment = os.environ | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    options = {"input": code, "capture_output": True, "text": True, "cwd": tmp_path, "timeout": 120}
    done = subprocess.run(COMMANDS[language], check=False, env=environment, **options)
    assert done.returncode == 0, done.stderr
    assert "infected" in done.stdout
    assert "Test.One" in done.stdout
    if "jobs" in code:
        assert json.loads(done.stdout)["status"] == "done"
