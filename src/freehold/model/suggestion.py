"""What somebody may have meant who wrote a word that is not known."""

from collections.abc import Iterable


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the known word that is closest, "" when none is close."""
    from difflib import get_close_matches  # only mistakes pay for it

    close = get_close_matches(word, list(known), 1)
    return f"; did you mean '{close[0]}'?" if close else ""
