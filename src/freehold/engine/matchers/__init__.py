"""Comparing an artifact with the signatures of the loaded bundles.

``load`` gives the matchers in the order in which the engine asks them. All that is native (Hyperscan databases,
YARA-X's rules) is taken apart there, before the worker gives up its rights; matching itself opens nothing and imports
nothing.
"""

from freehold.engine.matchers.loading import load

__all__ = ["load"]
