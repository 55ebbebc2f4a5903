"""What an artifact says of the system that it belongs to: packages, services, publishers, registry keys.

Each module reads one kind of artifact and yields *items*, which ``engine.matchers.policies`` compares with the
indicators of prohibited products. A reader is asked only when a policy is active. What it reads is hostile: a mounted
disk or an image may say anything, so a reader bounds what it takes in, and raises ``MalformedInput`` when it cannot go
on.
"""

from freehold.engine.inventory.items import Item
from freehold.engine.inventory.reading import items

__all__ = ["Item", "items"]
