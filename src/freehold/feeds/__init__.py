"""Where signatures come from: one module per upstream source.

A feed copies what a publisher offers into a local folder; it never compiles and never scans. Feeds know
nothing of each other.
"""
