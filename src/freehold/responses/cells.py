"""Cells of tables for spreadsheets."""

from freehold.responses.wording import printable


def cell(value: object) -> str:
    """Return text that no spreadsheet takes for a formula: names come from strangers."""
    text = printable(str(value))
    return "'" + text if text[:1] in {"=", "+", "-", "@"} else text
