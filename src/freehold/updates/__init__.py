"""How a bundle gets onto a machine: publish, fetch, verify, activate, roll back.

Nothing here parses hostile files and nothing that arrives here can run.
"""
