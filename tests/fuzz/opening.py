"""What every fuzz target of a format does."""

from tests.formats.driver import Collector, produce

from freehold.model.errors import FreeholdError
from freehold.model.interfaces import Format
from freehold.model.limits import MIB, Budget, Limits
from freehold.model.view import BytesView

LIMITS = Limits(artifacts=200, unpacked_bytes=8 * MIB, ratio_floor=MIB, decoder_memory=16 * MIB, seconds=20)


def open_fully(form: Format, data: bytes) -> None:
    """Take everything out of an artifact under small limits; nothing but Freehold's own errors may come out of it."""
    collector = Collector(Budget(LIMITS))
    view = BytesView(data)
    try:
        for child in form.children(view, collector):
            collector.budget.take_artifact(1)
            assert isinstance(child.name, str)
            for _ in produce(child, collector.budget):
                pass
    except FreeholdError:
        pass
