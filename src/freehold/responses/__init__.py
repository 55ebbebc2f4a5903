"""What happens after a verdict: one module per action (report, quarantine, notify).

A response acts on a report and a descriptor; it never reads a parser's input and has no network.
"""
