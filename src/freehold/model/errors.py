"""One root for every error that Freehold raises on purpose, and the few kinds that callers tell apart."""


class FreeholdError(Exception):
    """Something that Freehold can explain; its text is shown to the user as it is."""


class UsageError(FreeholdError):
    """The caller asked for something that cannot be done; the text says what to do instead."""


class MalformedInput(FreeholdError):
    """Content that breaks the rules of its own format: a hostile file, a signature, a pack."""


class TrustError(FreeholdError):
    """Something that must be trusted cannot be: a damaged bundle, a missing sandbox. Always fails closed."""


class LimitReached(FreeholdError):
    """A budget of the root artifact is used up.

    Attributes:
        limit: the name of the field of ``Limits`` that was reached.
        value: the number that was allowed.
    """

    def __init__(self, limit: str, value: float) -> None:
        super().__init__(f"limit {limit} = {value:g} reached" if value % 1 else f"limit {limit} = {value:.0f} reached")
        self.limit = limit
        self.value = value
