"""What the pages say of one another."""

import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
PAGES = sorted(page.relative_to(TOP) for page in (*TOP.glob("*.md"), *TOP.glob("docs/**/*.md")))
"""README and its like, and all documentation."""


def anchors(page: Path) -> set[str]:
    """Anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"`[^`\n]*`|^```.*?^```", "", (TOP / page).read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        if re.match("[a-z]+:", link):
            continue
        target = (TOP / page).parent / path if path else TOP / page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_list_of_decisions_is_complete() -> None:
    folder = TOP / "docs" / "decisions"
    listed = re.findall(r"^\| \[([0-9]{4})\]\((\1-[a-z0-9-]+\.md)\)", (folder / "README.md").read_text(), re.MULTILINE)
    assert [name for _, name in listed] == sorted(page.name for page in folder.glob("[0-9]*.md"))
