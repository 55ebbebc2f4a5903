"""Watching a publisher from outside: what anybody can check who trusts neither publisher nor mirror.

A *repository* is what an origin serves, verified from a root of trust that the watcher has chosen. The *monitor*
follows its log with a memory of its own and looks at every release that was ever logged: signed by enough keys,
numbered without a gap, made of the inputs that it names, and packed as it was signed. The *overview* puts together what
a sceptical reader wants to see. Whatever is wrong is a *finding*; what could not be checked is one, too.
"""
