"""The policy packs that come with Freehold, and those that a user names, as one set."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from freehold.model.errors import UsageError
from freehold.model.policy import PolicyPack, PolicySet
from freehold.model.signature import Rejected
from freehold.signatures.languages.policy import LANGUAGE

FOLDER = Path(__file__).with_name("policy_packs")
SUFFIX = ".policy"


def find(names: Sequence[str]) -> list[Path]:
    """Return the files of packs, each once; without a name, of all that come with Freehold.

    Args:
        names: of packs that come with Freehold, or paths.

    Raises:
        UsageError: there is no such pack.
    """
    known = {path.stem: path for path in sorted(FOLDER.glob(f"*{SUFFIX}"))}
    if not names:
        return list(known.values())
    found = []
    for name in names:
        path = known.get(name) or Path(name)
        if not path.is_file():
            close = get_close_matches(name, known, 1)
            meant = f"; did you mean '{close[0]}'?" if close else ""
            raise UsageError(f"there is no policy pack '{name}'{meant}; there are {', '.join(known)}, or name a file")
        found.append(path)
    return list({path.resolve(): path for path in found}.values())


def select(names: Sequence[str]) -> tuple[list[Path], PolicySet]:
    """Return packs with those that come with Freehold and whose entities they name: ``us`` needs the products.

    Raises:
        UsageError: there is no such pack, it has a fault, or by these packs nothing could be found.
    """
    ours = find([])
    paths = find(names)
    while True:
        packs = read(paths)
        missing = _foreign(packs) - {pack.name for pack in packs.packs}
        further = [path for path in ours if path.stem in missing]
        if not further:
            break
        paths += further
    if not packs.products:
        raise UsageError(f"{', '.join(names)}: no product is named there, so nothing can be found")
    return paths, packs


def _foreign(packs: PolicySet) -> set[str]:
    """Return the names of the packs whose entities are named."""
    named = [name for law in packs.laws for name in law.entities] + [product.entity for product in packs.products]
    return {name.partition("/")[0] for name in named}


def read(paths: Sequence[Path]) -> PolicySet:
    """Read packs as a set; raises ``UsageError`` with every fault of every file."""
    packs: list[PolicyPack] = []
    faults: list[str] = []
    for path in paths:
        try:
            text = path.read_bytes()
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from error
        for item in LANGUAGE.parse(text, str(path)):
            if isinstance(item, Rejected):
                faults.append(f"{item.source}:{item.line}: {item.reason}")
            else:
                packs.append(item)
    faults += _twins(packs)
    faults += _foreign_faults(packs)
    if faults:
        raise UsageError("\n".join(faults))
    return PolicySet(packs)


def _twins(packs: Sequence[PolicyPack]) -> list[str]:
    """Return which packs bear the name of another one, whose identifiers would be theirs, too."""
    first: dict[str, str] = {}
    return [
        f"{pack.source}:1: there is another pack '{pack.name}': {first[pack.name]}"
        for pack in packs
        if first.setdefault(pack.name, pack.source) != pack.source
    ]


def _foreign_faults(packs: Sequence[PolicyPack]) -> list[str]:
    """Return what one pack wants of another that is there and has it not; a pack that is not there is no fault."""
    names = {pack.name for pack in packs}
    known = {entity.identifier for pack in packs for entity in pack.entities}
    wanted = [(pack, name) for pack in packs for law in pack.laws for name in law.entities]
    wanted += [(pack, product.entity) for pack in packs for product in pack.products]
    return [
        f"{pack.source}: there is no entity '{name}'"
        for pack, name in wanted
        if name.partition("/")[0] in names and name not in known
    ]
