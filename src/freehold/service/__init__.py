"""What every front end calls: walk to the files, pool the workers, apply the policy.

Entries go in (``entry``), finished reports come out (``pool``). This side keeps its rights, so it parses nothing,
compiles nothing and talks to no network.
"""
