"""Icons in words."""

from collections.abc import Iterator

from freehold.model.icon import Areas, IconMetrics
from freehold.model.signature import IconSignature
from freehold.signatures.describe.values import Described


def describe_icon(signature: IconSignature, about: tuple[tuple[str, str], ...]) -> Described:
    """Return an icon in words."""
    facts = (*about, *_groups(signature.groups), *_metrics(signature.metrics))
    return Described(signature.about.name, "icon", signature.about.source, facts)


def _groups(groups: tuple[str, str]) -> Iterator[tuple[str, str]]:
    for number, group in enumerate(groups, 1):
        yield f"icon group {number}", group


def _metrics(metrics: IconMetrics) -> Iterator[tuple[str, str]]:
    yield "size", f"{metrics.side} x {metrics.side} pixels"
    if metrics.colored:
        spread = f"red {metrics.red}%, green {metrics.green}%, blue {metrics.blue}%"
        yield "colours", f"{metrics.colored}% of the pixels ({spread})"
        yield "most colourful", _places(metrics.color)
        yield "least colourful", _places(metrics.gray)
    else:
        yield "colours", "none"
    yield "brightest", _places(metrics.bright)
    yield "darkest", _places(metrics.dark)
    yield "most edges", _places(metrics.edge)
    yield "fewest edges", _places(metrics.noedge)


def _places(areas: Areas) -> str:
    return ", ".join(f"{area.average:,} at {area.x},{area.y}" for area in areas)
