"""Who signed a macOS program, and what it calls itself, by its code signature."""

from collections.abc import Iterator

from freehold.engine.inventory.items import Item
from freehold.model.artifact import Artifact
from freehold.model.limits import Budget
from freehold.model.policy import IndicatorKind


def reads(artifact: Artifact) -> bool:
    """Whether this is a macOS program for one processor; those for several hold such programs."""
    return artifact.file_type == "macho"


def items(artifact: Artifact, _budget: Budget) -> Iterator[Item]:
    """Yield the team that signed it and its identifier."""
    from freehold.formats import codesign  # most files are no programs

    signature = codesign.read(artifact.view)
    if signature is None:
        return
    detail = "code signature, not checked" if not signature.ad_hoc else "code signature by nobody"
    if signature.team:
        yield Item(IndicatorKind.TEAM_ID, signature.team, detail, signature.offset)
    if signature.identifier:
        yield Item(IndicatorKind.BUNDLE_ID, signature.identifier, detail, signature.offset)
