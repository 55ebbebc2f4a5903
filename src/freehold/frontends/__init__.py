"""The ways in: one package or module per front end.

A front end turns what somebody asks for into entries for ``freehold.service`` and gives the finished reports to
``freehold.responses``. It opens files but never reads their content, and knows no parser.

What the front ends of the daemon share stands beside them: ``listening`` accepts clients, ``wire`` reads and writes
within bounds of time, ``intake`` takes contents within bounds of space, ``judgement`` says in one word what a report
means.
"""
