"""Fuzz target for everything that passwords open, and for the mails that they are found in."""

from tests.formats.driver import Collector, produce
from tests.fuzz.opening import LIMITS

from freehold.engine.passwords import words_of_mail
from freehold.formats.registry import BY_TYPE
from freehold.model.errors import FreeholdError
from freehold.model.limits import Budget
from freehold.model.view import BytesView

TYPES = {b"PK": "zip", b"7z": "7z", b"%P": "pdf", b"\xd0\xcf": "ole2"}


def target(data: bytes) -> None:
    view = BytesView(data)
    file_type = TYPES.get(data[:2])
    try:
        if file_type is None:
            assert all(len(word) <= 4 * 128 for word in words_of_mail(view, Budget(LIMITS)))
            return
        collector = Collector(Budget(LIMITS), known_passwords=(b"wrong", b"s3cret"))
        for child in BY_TYPE[file_type].children(view, collector):
            collector.budget.take_artifact(1)
            for _ in produce(child, collector.budget):
                pass
    except FreeholdError:
        pass
