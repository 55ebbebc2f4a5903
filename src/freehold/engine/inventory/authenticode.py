"""Who signed a Windows program, by its Authenticode signature."""

from collections.abc import Iterator

from freehold.engine.inventory.items import Item
from freehold.model.artifact import Artifact
from freehold.model.errors import MalformedInput
from freehold.model.limits import Budget
from freehold.model.policy import IndicatorKind


def reads(artifact: Artifact) -> bool:
    """Whether this is a Windows program."""
    return artifact.file_type == "pe"


def items(artifact: Artifact, budget: Budget) -> Iterator[Item]:
    """Yield the names of the signer, with what the signature proves; programs whose header is damaged have none."""
    from freehold.formats import authenticode, pe  # most files are no programs

    try:
        layout = pe.read(artifact.view)
    except MalformedInput:
        return
    signature = authenticode.read(artifact.view, layout, budget)
    if signature is not None:
        for publisher in signature.publishers:
            yield Item(IndicatorKind.PUBLISHER, publisher, signature.words(), authenticode.table(layout)[0])
