"""What becomes of a message, in packets.

Source: RFC 3463 for the extended codes.
"""

from freehold.frontends.judgement import Judgement, Outcome
from freehold.frontends.milter.packets import Actions, change_field, packet
from freehold.frontends.milter.policy import Rules, Treatment

CONTINUE = packet(b"c")
FIELD = b"X-Virus-Status"

_REFUSED = "550 5.7.1"
_LATER = "451 4.7.1"


def needed(rules: Rules) -> Actions:
    """Return the actions without which the rules cannot be followed."""
    actions = Actions(0)
    if rules.shows:
        actions |= Actions.ADD_FIELDS | Actions.CHANGE_FIELDS
    if Treatment.QUARANTINE in {rules.infected, rules.incomplete}:
        actions |= Actions.QUARANTINE
    return actions


def later(reason: str) -> bytes:
    """Refuse a message for now."""
    return _reply(_LATER, reason)


def decision(judgement: Judgement, rules: Rules, written: int, space: bytes) -> bytes:
    """Return the packets that end a message.

    Args:
        judgement: of the message.
        rules: what is to be done.
        written: how many fields of the name ``FIELD`` it has, which only we may write.
        space: what stands before the value of a field that is added.
    """
    reason = _reason(judgement)
    treatment = _treatment(judgement.outcome, rules)
    if treatment is Treatment.REJECT:
        return _reply(_REFUSED, reason)
    if treatment is Treatment.TEMPFAIL:
        return later(reason)
    if treatment is Treatment.DISCARD:
        return packet(b"d")
    changes = b""
    if rules.shows:
        changes = b"".join(change_field(index, FIELD, b"") for index in range(written, 0, -1))
        changes += packet(b"h", FIELD + b"\0" + space + _status(judgement).encode() + b"\0")
    if treatment is Treatment.QUARANTINE:
        changes += packet(b"q", reason.encode() + b"\0")
    return changes + CONTINUE


def _treatment(outcome: Outcome, rules: Rules) -> Treatment:
    if outcome is Outcome.FOUND:
        return rules.infected
    if outcome is Outcome.INCOMPLETE:
        return rules.incomplete
    return Treatment.TEMPFAIL if outcome is Outcome.FAILED else Treatment.ACCEPT


def _reason(judgement: Judgement) -> str:
    if judgement.outcome is Outcome.FOUND:
        return f"Malicious content: {judgement.name}"
    return f"Not fully examined: {judgement.detail}"


def _status(judgement: Judgement) -> str:
    if judgement.outcome is Outcome.CLEAN:
        return "Clean"
    return (
        f"Infected ({judgement.name})" if judgement.outcome is Outcome.FOUND else f"Not examined ({judgement.detail})"
    )


def _reply(codes: str, reason: str) -> bytes:
    """Answer the client of the mail server; some mail servers read a percent sign as the start of a format."""
    return packet(b"y", f"{codes} {reason.replace('%', '_')}".encode() + b"\0")
