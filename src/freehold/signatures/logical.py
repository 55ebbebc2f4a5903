"""From logical signatures to programs and the atoms that call for them."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import hyperscan
import pcre2

from freehold.bundle.programs import Program, body_number, encode_body_match
from freehold.model.body import Anchor, Offset
from freehold.model.errors import MalformedInput
from freehold.model.filetype import Target
from freehold.model.logical import BodyMatch, ImageHash, RegexMatch, Subsignature
from freehold.model.signature import LogicalSignature
from freehold.signatures.atoms import Atom, Atoms, calling_for
from freehold.signatures.cover import cover

Users = dict[Atom, list[int]]
"""Bodies (``bundle.programs.body_number``) by the atoms of which one occurs wherever the body does."""

Always = dict[str, list[int]]
"""Numbers of programs that no atom calls for, by the container that they ask for ("" when they do not)."""

IconGroups = tuple[frozenset[str], frozenset[str]]
"""The names of the icons' first and second groups."""

NO_ICONS: IconGroups = (frozenset(), frozenset())

Pictures = dict[str, list[int]]
"""Hashes of pictures, like bodies, by the hash in hexadecimal."""


Macros = dict[str, list[Any]]
"""The bodies of macro groups, encoded, by the number of the group."""


class Calls(NamedTuple):
    """What calls for programs and what these refer to, by target; see ``LogicalSignatures`` for ``text_ends``."""

    users: dict[Target, Users]
    always: dict[Target, Always]
    pictures: dict[Target, Pictures]
    macros: dict[Target, Macros]
    text_ends: bool


_NOWHERE = float("inf")
_K = TypeVar("_K")
_encode: Callable[[object], str] = json.JSONEncoder(separators=(",", ":")).encode


class LogicalSignatures:
    """Logical signatures, compiled one by one and numbered from 0; icons may be asked for by the groups that there are.

    Attributes:
        records: the programs.
        users: by target.
        always: by target.
        pictures: by target.
        text_ends: whether some signature for texts asks where in a text something stands, counted from its end.
        macros: by target.
    """

    def __init__(self, icon_groups: IconGroups = NO_ICONS) -> None:
        self._icon_groups = icon_groups
        self.records: list[bytes] = []
        self.users: dict[Target, Users] = {}
        self.always: dict[Target, Always] = {}
        self.pictures: dict[Target, Pictures] = {}
        self.text_ends = False
        self.macros: dict[Target, Macros] = {}

    @property
    def targets(self) -> list[Target]:
        """The targets of all signatures."""
        return sorted(self.users.keys() | self.always.keys() | self.pictures.keys() | self.macros.keys())

    @property
    def calls(self) -> "Calls":
        """What calls for the programs."""
        return Calls(self.users, self.always, self.pictures, self.macros, self.text_ends)

    def add(self, signature: LogicalSignature, about: int) -> None:
        """Take one signature with the number of its about-record.

        Raises:
            MalformedInput: it cannot be honoured.
        """
        _check(signature, self._icon_groups)
        description = signature.description
        match signature.subsignatures:
            case (BodyMatch(forms, Offset(Anchor.MACRO, number=group)),):
                groups = self.macros.setdefault(description.target, {})
                groups.setdefault(str(group), []).append(encode_body_match(BodyMatch(forms)))
                return  # it matches nothing by itself
        covering = _covering(signature)
        self.text_ends |= description.target is Target.TEXT and any(map(_is_at_end, signature.subsignatures))
        number = len(self.records)
        bodies = None if covering is None else sorted(covering)
        program = Program(about, description, signature.expression, signature.subsignatures, tuple(bodies or ()))
        self.records.append(_encode(program.to_record()).encode())
        if covering is None:
            always = self.always.setdefault(description.target, {})
            always.setdefault(description.container or "", []).append(number)
            return
        for index, atoms in sorted(covering.items()):
            body = body_number(number, index)
            subsignature = signature.subsignatures[index]
            if isinstance(subsignature, ImageHash):
                pictures = self.pictures.setdefault(description.target, {})
                pictures.setdefault(subsignature.digest.hex(), []).append(body)
            for atom in atoms.literals:
                self.users.setdefault(description.target, {}).setdefault(atom, []).append(body)

    def extend(self, other: "Calls", first: int) -> None:
        """Take what another collection has, whose programs get numbers from ``first`` on; not its records."""
        _extend(self.users, other.users, body_number(first, 0))
        _extend(self.always, other.always, first)
        _extend(self.pictures, other.pictures, body_number(first, 0))
        self.text_ends |= other.text_ends
        for target, groups in other.macros.items():
            ours = self.macros.setdefault(target, {})
            for group, members in groups.items():
                ours.setdefault(group, []).extend(members)


def _extend(ours: dict[Target, dict[_K, list[int]]], theirs: Mapping[Target, dict[_K, list[int]]], first: int) -> None:
    for target, calling in theirs.items():
        known = ours.setdefault(target, {})
        for key, numbers in calling.items():
            known.setdefault(key, []).extend([first + number for number in numbers])


def compile_atoms(atoms: Sequence[Atom]) -> bytes:
    """Return a serialised Hyperscan database that reports atom number n as n, wherever it ends."""
    if not atoms:
        return b""
    regexes = [atom.value if atom.expression else b"".join(b"\\x%02x" % byte for byte in atom.value) for atom in atoms]
    flags = [hyperscan.HS_FLAG_DOTALL | hyperscan.HS_FLAG_CASELESS * atom.nocase for atom in atoms]
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=regexes, ids=list(range(len(regexes))), flags=flags)
    return hyperscan.dumpb(database)


def _is_at_end(subsignature: Subsignature) -> bool:
    return isinstance(subsignature, BodyMatch) and subsignature.offset.anchor is Anchor.END


def _check(signature: LogicalSignature, icon_groups: IconGroups) -> None:
    for number, (group, known) in enumerate(zip(signature.description.icon_groups, icon_groups, strict=True), 1):
        if group not in {None, "*"} and group not in known:
            raise MalformedInput(f"no .idb file that is compiled with it has an icon of group {group!r} ({number})")
    for index, subsignature in enumerate(signature.subsignatures):
        if isinstance(subsignature, RegexMatch):
            _check_regex(index, subsignature)


def _check_regex(index: int, regex: RegexMatch) -> None:
    try:
        pcre2.compile(regex.regex, pcre2.VERBOSE if "x" in regex.flags else 0, jit=False)
    except pcre2.LibraryError as error:
        raise MalformedInput(f"subsignature {index} is no regular expression: {error}") from error


def _covering(signature: LogicalSignature) -> dict[int, Atoms] | None:
    """Return the bodies that call for a signature; None when none can, so that it must always be evaluated."""
    chosen: dict[int, Atoms | None] = {}

    def weigh(index: int) -> float:
        if index not in chosen:
            subsignature = signature.subsignatures[index]
            chosen[index] = calling_for(subsignature)
        atoms = chosen[index]
        return _NOWHERE if atoms is None else atoms.weight

    covering = cover(signature.expression, signature.subsignatures, weigh)
    if covering is None:
        return None
    if not covering:
        raise MalformedInput("its expression can never be true")
    for index in covering:
        weigh(index)
    return {index: atoms for index in covering if (atoms := chosen[index]) is not None}
