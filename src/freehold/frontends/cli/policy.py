"""``freehold policy``: the rules of law that Freehold knows, and packs of one's own."""

import argparse
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from freehold.frontends.cli import policy_screen
from freehold.model.policy import Law, PolicyPack, PolicySet, Product, day_in, in_force, to_come
from freehold.responses.wording import count_text, printable
from freehold.signatures import policies

_EXAMPLES = """\
A pack is a file of TOML that ends in .policy; docs/policies.md says how to write one.

examples:
  freehold policy list
  freehold policy show us
  freehold policy show --format json states | jq '.laws[] | .title'
  freehold policy check ./no-remote-tools.policy
  freehold policy screen 'Лаборатория Касперского' --csv suppliers.csv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli``."""
    parser.epilog = _EXAMPLES
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="list|show|check|screen")
    listing = verbs.add_parser("list", help="the packs that come with Freehold", description="List the packs.")
    show = verbs.add_parser("show", help="everything that packs say", description="Show packs.")
    show.add_argument("packs", nargs="*", metavar="PACK|FILE", help="by default all that come with Freehold")
    for verb in (listing, show):
        verb.add_argument("--format", choices=("text", "json"), default="text", help="default: %(default)s")
    check = verbs.add_parser("check", help="find every fault of a pack", description="Check packs.")
    check.add_argument("files", nargs="+", metavar="FILE")
    policy_screen.add_arguments(
        verbs.add_parser("screen", help="compare suppliers' names with listed ones", description="Screen names.")
    )


def run(args: argparse.Namespace) -> int:
    """List, show, check or screen."""
    if args.verb == "screen":
        return policy_screen.run(args)
    if args.verb == "check":
        files = [Path(name) for name in args.files]
        # Laws may name entities of the packs that come with Freehold.
        ours = [path for path in policies.find([]) if path.stem not in {file.stem for file in files}]
        checked = policies.read([*files, *ours]).packs[: len(files)]
        for pack in checked:
            print(f"{printable(pack.source)}: no fault: {_counts(pack)}")
        return 0
    packs = policies.read(policies.find(args.packs if args.verb == "show" else []))
    if args.format == "json":
        print(json.dumps(_object(packs), indent=2, default=_plain))
    elif args.verb == "list":
        for pack in packs.packs:
            print(f"{pack.name:<12} {pack.version:<12} {_counts(pack)}\n{'':<13}{printable(pack.description)}")
    else:
        print(*_lines(packs), sep="\n")
    return 0


def _counts(pack: PolicyPack) -> str:
    indicators = sum(len(product.indicators) for product in pack.products)
    return (
        f"{count_text(len(pack.laws), 'law')}, {len(pack.entities)} entities, "
        f"{count_text(len(pack.products), 'product')}, {count_text(indicators, 'indicator')}"
    )


def _object(packs: PolicySet) -> dict[str, Any]:
    return {
        "packs": [{"name": p.name, "version": p.version, "description": p.description} for p in packs.packs],
        "laws": [law._asdict() | {"prohibitions": [p._asdict() for p in law.prohibitions]} for law in packs.laws],
        "entities": [entity._asdict() for entity in packs.entities],
        "products": [
            product._asdict() | {"indicators": [indicator._asdict() for indicator in product.indicators]}
            for pack in packs.packs
            for product in pack.products
        ],
    }


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _lines(packs: PolicySet) -> Iterator[str]:
    for pack in packs.packs:
        yield f"{pack.name} {pack.version}: {printable(pack.description)}"
        for law in pack.laws:
            yield from ("", *_law_lines(law))
        for entity in pack.entities:
            names = ", ".join((entity.name, *entity.aliases))
            yield from ("", f"  entity {entity.identifier}: {printable(names)} ({entity.country})")
            yield from (f"    {printable(listing)}" for listing in entity.listings)
        for product in pack.products:
            yield from ("", *_product_lines(product))
        yield ""


def _law_lines(law: Law) -> Iterator[str]:
    today = day_in(law, datetime.now(UTC))
    yield f"  law {law.identifier}: {printable(law.title)}{'' if law.binding else ' (a warning, not binding)'}"
    yield f"    {printable(law.authority)}; {printable(law.citation)}"
    yield f"    jurisdiction {law.jurisdiction}; binds {printable(law.binds)}"
    yield from (f"    in force since {item.since}: {printable(item.what)}" for item in in_force(law, today))
    yield from (
        f"    in {count_text(days, 'day')}, on {item.since}: {printable(item.what)}"
        for item, days in to_come(law, today)
    )
    yield from (f"    except: {printable(text)}" for text in law.exceptions)
    if law.penalties:
        yield f"    penalties: {printable(law.penalties)}"
    yield f"    names {', '.join(law.entities)}; covers {', '.join(law.covers) or 'no product'}"
    yield f"    checked {law.checked} with {printable('; '.join(law.sources))}"


def _product_lines(product: Product) -> Iterator[str]:
    yield f"  product {product.identifier}: {printable(product.name)} ({product.presence}, of {product.entity})"
    for item in product.indicators:
        yield f"    {item.strength:<6} {item.kind:<10} {printable(item.value)}  [{printable(item.source)}]"
    yield from (f"    remove: {printable(step)}" for step in product.removal)
