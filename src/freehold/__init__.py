"""Freehold, the antivirus that its owner owns outright.

The packages below stand in the order of a file's way: ``frontends`` open files, ``service`` queues
them, ``sandbox`` carries their descriptors into a worker that has no rights, ``engine`` examines
them there with ``formats`` and ``bundle``, and ``responses`` act on the verdict. ``signatures`` and
``feeds`` make the bundle; ``model`` holds the words that all of them share.
"""

__version__ = "0.1.0"
