"""Why no carrier can be made."""

from freehold.model.errors import FreeholdError


class CannotCarry(FreeholdError):
    """No carrier can be made of a signature; the text says why."""
