"""The ways in: one package or module per front end.

A front end turns what somebody asks for into entries for ``freehold.service`` and gives the finished reports to
``freehold.responses``. It opens files but never reads their content, and knows no parser.
"""
