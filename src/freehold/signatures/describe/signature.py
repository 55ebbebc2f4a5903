"""The way in: any signature in words."""

from collections.abc import Iterator

from freehold.model.about import About, HashedPart
from freehold.model.body import Anchor, Offset
from freehold.model.logical import BodyMatch, Range, Subsignature
from freehold.model.report import Verdict
from freehold.model.signature import (
    AddressRule,
    AllowedContent,
    ArchivePassword,
    CertificateRule,
    ContainerSignature,
    HashSignature,
    IconSignature,
    IgnoredSignature,
    LogicalSignature,
    PatternSignature,
    PolicyPack,
    SecurityCatalogue,
    Signature,
    YaraSource,
)
from freehold.signatures.describe.bodies import exact_piece
from freehold.signatures.describe.conditions import expression_words
from freehold.signatures.describe.icons import describe_icon
from freehold.signatures.describe.logical import subsignature_part, target_facts
from freehold.signatures.describe.numbers import count, range_words
from freehold.signatures.describe.rules import describe_rule, describe_yara
from freehold.signatures.describe.values import Described, Part

_HASHED = {
    HashedPart.CONTENT: "a whole file",
    HashedPart.PE_SECTION: "a section of a Windows program",
    HashedPart.PE_IMPORTS: "the imports of a Windows program",
}

_SHOWN = {
    "0": "mails with a link to the address of this hash are reported, as leading to malware",
    "1": "mails with a link to the address of this hash are reported",
    "2": "mails with a link to the address of this hash are reported, as phishing",
    "W": "links to the address of this hash are not looked at by its hash",
    "H": "links that show this host, and lead elsewhere, are reported",
    "R": "links that lead to and show what matches, and are of different domains, are reported",
    "M": "links that lead to the first of these hosts may show the second",
    "X": "links that lead to and show what matches are not reported",
}


def describe(signature: Signature) -> Iterator[Described]:
    """Yield a signature in words; a YARA source yields each of its rules."""
    if isinstance(signature, YaraSource):
        yield from describe_yara(signature)
    elif isinstance(signature, IgnoredSignature):
        yield _ignored(signature)
    elif isinstance(signature, LogicalSignature):
        yield _logical(signature)
    elif isinstance(signature, IconSignature):
        yield describe_icon(signature, tuple(_about(signature.about)))
    elif isinstance(signature, AddressRule):
        facts = [("effect", _SHOWN[signature.kind]), ("address", signature.text)]
        yield Described(signature.about.name, "addresses in mails", signature.about.source, tuple(facts))
    elif isinstance(signature, CertificateRule):
        yield _certificate(signature)
    elif isinstance(signature, SecurityCatalogue):
        effect = "programs and cabinets that it lists are not reported, if a .crb file trusts who signed it"
        yield Described(signature.about.name, "security catalogue", signature.about.source, (("effect", effect),))
    elif isinstance(signature, PolicyPack):
        yield _policy(signature)
    elif isinstance(signature, PatternSignature):
        yield describe_rule(signature, tuple(_about(signature.about)))
    else:
        yield _single(signature)


def _single(signature: HashSignature | AllowedContent | ContainerSignature | ArchivePassword) -> Described:
    """Describe what says everything in its facts."""
    if isinstance(signature, HashSignature):
        kind, facts = f"digest of {_HASHED[signature.part]}", list(_digest(signature))
    elif isinstance(signature, AllowedContent):
        kind, facts = "allowed content", list(_digest(signature))
        facts.append(("effect", "what is found in this content, and in all that it contains, is not reported"))
    elif isinstance(signature, ContainerSignature):
        kind, facts = "member of an archive", list(_member(signature))
    else:
        kind, facts = "password", list(_password(signature))
    about = signature.about
    return Described(about.name, kind, about.source, (*_about(about), *facts))


def _about(about: About) -> Iterator[tuple[str, str]]:
    if about.description:
        yield "looks for", about.description
    if about.category:
        yield "category", about.category
    if about.severity:
        yield "severity", about.severity
    if about.verdict is not Verdict.INFECTED:
        yield "verdict", about.verdict.value
    if about.references:
        yield "references", " ".join(about.references)


def _digest(signature: HashSignature | AllowedContent) -> Iterator[tuple[str, str]]:
    yield signature.algorithm, signature.digest.hex()
    yield "size", "any" if signature.size is None else count(signature.size, "byte")


def _member(signature: ContainerSignature) -> Iterator[tuple[str, str]]:
    def span(wanted: Range | None) -> str:
        return "any" if wanted is None else f"{range_words(wanted)} bytes"

    yield "container", signature.container or "any"
    yield "container's size", span(signature.container_size)
    yield "member's name", "any" if signature.name is None else f"has /{signature.name}/ in it"
    yield "compressed size", span(signature.compressed_size)
    yield "unpacked size", span(signature.size)
    yield "encrypted", {None: "yes or no", True: "yes", False: "no"}[signature.encrypted]
    yield "position", "any" if signature.position is None else f"{range_words(signature.position)} (counted from 1)"


def _password(signature: ArchivePassword) -> Iterator[tuple[str, str]]:
    yield "tried on", signature.container or "archives of any type"
    piece = exact_piece(signature.password)
    yield "password", piece.text or piece.exact.hex(" ")


def _certificate(signature: CertificateRule) -> Described:
    rule = signature.rule
    effect = "programs that it signed are not reported" if rule.trusted else "programs that carry it are reported"
    kinds = zip(("code", "times", "certificates"), rule.purposes, strict=True)
    facts = [
        *_about(signature.about),
        ("effect", effect),
        ("subject", f"SHA-1 {rule.subject.hex()}"),
        ("serial number", "any" if rule.serial is None else f"SHA-1 {rule.serial.hex()}"),
        ("key", f"RSA, {rule.modulus.bit_length()} bits"),
        ("may sign", ", ".join(name for name, may in kinds if may) or "nothing"),
    ]
    return Described(signature.about.name, "certificate of programs", signature.about.source, tuple(facts))


def _ignored(signature: IgnoredSignature) -> Described:
    facts = [("effect", "the signature of this name is not loaded")]
    if signature.md5 is not None:
        facts.append(("only from a line with MD5", signature.md5.hex()))
    return Described(signature.name, "ignored signature", signature.source, tuple(facts))


def _policy(pack: PolicyPack) -> Described:
    facts = [*_about(pack.about), ("version", pack.version)]
    facts += [("law", f"{law.title} ({law.jurisdiction}, from {law.prohibitions[0].since})") for law in pack.laws]
    parts = tuple(
        Part(
            product.identifier,
            product.name,
            notes=tuple(f"{i.strength} {i.kind}: {i.value}" for i in product.indicators),
        )
        for product in pack.products
    )
    return Described(pack.name, "policy pack", pack.about.source, tuple(facts), parts)


def _logical(signature: LogicalSignature) -> Described:
    facts = [*_about(signature.about), *target_facts(signature.description)]
    if signature.potentially_unwanted:
        facts.append(("used", "only where potentially unwanted programs are asked for"))
    parts = tuple(subsignature_part(str(n), s) for n, s in enumerate(signature.subsignatures))
    kind = "logical signature" if len(parts) > 1 else "pattern"
    condition = _of_macro_group(signature.subsignatures) or expression_words(signature.expression)
    return Described(signature.about.name, kind, signature.about.source, tuple(facts), parts, condition)


def _of_macro_group(subsignatures: tuple[Subsignature, ...]) -> str:
    match subsignatures:
        case (BodyMatch(offset=Offset(Anchor.MACRO, number=group)),):
            return f"a signature looks for macro group {group}; never by itself"
    return ""
