"""Every action of ``freehold repo`` explains itself."""

import io
from contextlib import redirect_stdout

import pytest

from freehold.frontends.cli import main
from freehold.frontends.cli.repo import ACTIONS


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_explains_itself_with_examples(name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    out = io.StringIO()
    with redirect_stdout(out):
        assert main(["repo", name, "--help"]) == 0
    text = out.getvalue()
    assert text.startswith(f"usage: freehold repo {name}")
    assert f"  freehold repo {name}" in text.partition("examples:")[2]


def test_without_the_libraries_the_error_says_what_to_install(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("freehold.frontends.cli.repo.find_spec", lambda _name: None)
    assert main(["repo", "publish", str(tmp_path)]) == 3
    assert "pip install 'freehold[update]'" in capsys.readouterr().err
