"""Where hostile content is examined: in processes that have no rights.

The host side (``modes``, ``host``, ``pipes``, ``plain``) starts a *zygote* and hands descriptors to *workers*; the
worker side (``zygote``, ``worker``) runs the engine; ``lockdown`` takes every right away in between, with ``landlock``,
``seccomp`` and the table ``syscalls.tsv``; ``wire`` is the little that the two sides say to each other; ``proof`` tries
to break out, for ``freehold doctor``.

The zygote is forked from the host, loads the engine and maps the bundles once, and reads no hostile byte. It forks
workers, which lock themselves down before they take their first descriptor. A worker that crashes, hangs or outgrows
its memory costs the file that it was examining.

The host side must not import a parser, not even indirectly: the process that opens files keeps its rights. What a
worker says is hostile input.
"""
