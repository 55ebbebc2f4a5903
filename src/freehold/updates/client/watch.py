"""What happens when a release that was taken does harm: back to the one before, and never to it again by itself."""

import time
from dataclasses import replace

from freehold.model.errors import UsageError
from freehold.updates.client.generations import Generations
from freehold.updates.client.store import Store

TRIAL_SECONDS = 3600
"""How long after its activation a release is blamed for trouble."""

CRASHES = 2
"""Workers that may not die in one scan with a new release."""


def roll_back(store: Store, reason: str) -> tuple[int, int]:
    """Go back to the generation before; the store must be locked.

    Returns:
        The release that was left, and the one that is in use now.

    Raises:
        UsageError: there is none before.
        NoRoom: it cannot be done.
    """
    generations = Generations(store.folder)
    active = generations.active()
    if active is None:
        raise UsageError(f"{store.name}: nothing is in use that one could go back from")
    state = store.state()
    bad = tuple(sorted({*state.bad, active.seq}))
    before = generations.before(active, bad)
    store.remember(replace(state, bad=bad, since=0, refused=f"held: release {active.seq}: {reason}"))
    generations.activate(before)
    return active.seq, before.seq


def blame(store: Store, reason: str) -> tuple[int, int] | None:
    """Go back when the release in use is so new that it may be to blame; None when it is not, or is the first."""
    active = Generations(store.folder).active()
    if active is None or time.time() - active.made > TRIAL_SECONDS:
        return None
    try:
        return roll_back(store, reason)
    except UsageError:
        return None
