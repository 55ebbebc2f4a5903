"""What this machine's owner allows and denies: entries with author, reason and expiry, in a file that can be reviewed.

``reading`` reads the files, ``judging`` applies the entries to finished reports, ``writing`` adds and removes entries,
``holes`` says which entries would let an attacker through. Nothing here keeps a file from being examined: what an
entry allows is still found, and reported as allowed.
"""
