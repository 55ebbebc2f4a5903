"""Signatures as every language's parser yields them and the compiler takes them."""

from dataclasses import dataclass

from freehold.model import logical
from freehold.model.about import About, HashedPart
from freehold.model.condition import AtLeast, Condition, Not, Occurs
from freehold.model.filetype import Target
from freehold.model.icon import IconMetrics
from freehold.model.pki.trust import Rule
from freehold.model.policy import PolicyPack

__all__ = [
    "About",
    "AddressRule",
    "AllowedContent",
    "ArchivePassword",
    "AtLeast",
    "CertificateRule",
    "Condition",
    "ContainerSignature",
    "Expression",
    "HashSignature",
    "HashedPart",
    "IconSignature",
    "IgnoredSignature",
    "LogicalSignature",
    "Not",
    "Occurs",
    "PatternSignature",
    "PolicyPack",
    "Rejected",
    "SecurityCatalogue",
    "Signature",
    "YaraSource",
]


@dataclass(frozen=True, slots=True)
class HashSignature:
    """The digest of a whole artifact or of a part of one.

    Attributes:
        algorithm: ``md5``, ``sha1`` or ``sha256``.
        size: of the hashed part in bytes; None matches any size.
    """

    about: About
    algorithm: str
    digest: bytes
    size: int | None
    part: HashedPart = HashedPart.CONTENT


@dataclass(frozen=True, slots=True)
class Expression:
    """A bounded regular expression over bytes (Hyperscan's syntax), compared wherever it occurs."""

    regex: bytes
    nocase: bool = False
    dotall: bool = True


@dataclass(frozen=True, slots=True)
class PatternSignature:
    """Byte patterns and the condition over them.

    Attributes:
        targets: the groups of file types that it looks at.
        maximum_size: artifacts larger than this many bytes are not looked at; None for no bound.
    """

    about: About
    targets: tuple[Target, ...]
    patterns: tuple[Expression, ...]
    condition: Condition
    maximum_size: int | None = None


@dataclass(frozen=True, slots=True)
class YaraSource:
    """YARA rules as text: YARA-X compiles them together, a namespace for each source file."""

    source: str
    text: str


@dataclass(frozen=True, slots=True)
class LogicalSignature:
    """Subsignatures, an expression over their counts, and the artifacts that it looks at.

    Attributes:
        potentially_unwanted: it applies only where the user asked for potentially unwanted programs.
    """

    about: About
    description: logical.TargetDescription
    expression: logical.Expression
    subsignatures: tuple[logical.Subsignature, ...]
    potentially_unwanted: bool = False


@dataclass(frozen=True, slots=True)
class ContainerSignature:
    """What an archive says of one of its members, before anything is unpacked; None matches whatever it says.

    Attributes:
        container: ClamAV's name for the archive's type.
        container_size: of the archive in bytes.
        name: POSIX extended regular expression, looked for anywhere in the member's name.
        compressed_size: of the member in bytes.
        size: of the member in bytes when unpacked.
        encrypted: whether it is.
        position: number of the member in the archive, see ``model.interfaces.Member``.
        checksum: CRC-32 of the member.
    """

    about: About
    container: str | None
    container_size: logical.Range | None
    name: str | None
    compressed_size: logical.Range | None
    size: logical.Range | None
    encrypted: bool | None
    position: logical.Range | None
    checksum: int | None = None


@dataclass(frozen=True, slots=True)
class IconSignature:
    """An icon that programs of some family have.

    Attributes:
        groups: the names by which logical signatures ask for it, in the first and second group of icons.
        metrics: what a program's icon must be close to.
    """

    about: About
    groups: tuple[str, str]
    metrics: IconMetrics


@dataclass(frozen=True, slots=True)
class AllowedContent:
    """The digest of content whose detections, and those of all that it contains, are not reported.

    Attributes:
        algorithm: ``md5``, ``sha1`` or ``sha256``.
        size: in bytes; None for any size.
    """

    about: About
    algorithm: str
    digest: bytes
    size: int | None


@dataclass(frozen=True, slots=True)
class IgnoredSignature:
    """The exact name of a signature that is not to be loaded; with ``md5`` only from a line with this digest."""

    source: str
    name: str
    md5: bytes | None = None


@dataclass(frozen=True, slots=True)
class ArchivePassword:
    """A password to try on encrypted archives of one type (ClamAV's name for it), or of any type."""

    about: About
    password: bytes
    container: str | None = None


@dataclass(frozen=True, slots=True)
class CertificateRule:
    """A certificate of programs: whom it names is trusted, or reported."""

    about: About
    rule: Rule


@dataclass(frozen=True, slots=True)
class SecurityCatalogue:
    """A list of files whose detections are not reported, if a ``CertificateRule`` trusts who signed it.

    Attributes:
        content: PKCS #7, as Windows has it.
    """

    about: About
    content: bytes


@dataclass(frozen=True, slots=True)
class AddressRule:
    """What links in mails may show.

    Attributes:
        kind: ``H`` for the name of a host that is imitated, ``R`` for an expression over what a link leads to and
            shows, where that is an imitation; ``M`` and ``X`` for the same of pairs that belong together. Of addresses
            that are known by their SHA-256: ``1`` for what is blocked, ``2`` for phishing, ``0`` for malware, ``W`` for
            what is allowed.
        text: the name, Python's regular expression, or the digest.
    """

    about: About
    kind: str
    text: str


Signature = (
    HashSignature
    | PatternSignature
    | YaraSource
    | LogicalSignature
    | ContainerSignature
    | IconSignature
    | AllowedContent
    | IgnoredSignature
    | ArchivePassword
    | CertificateRule
    | AddressRule
    | SecurityCatalogue
    | PolicyPack
)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A signature that cannot be honoured, with the reason; counted and reported, never dropped in silence."""

    source: str
    line: int
    reason: str
