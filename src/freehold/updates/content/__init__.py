"""What a release is made of: bytes in, values out, and back. No network, no keys, no clock, no files.

A publisher and a client share this package and nothing else: the publisher makes an *entry* of every signature, a
*state* of all entries, and *segments* that bring a client from any older state to this one; the client takes the one
segment that it needs and compares the *state root* with the signed one. ``docs/update-format.md`` has every byte.

Everything that is decoded here comes from strangers: sizes are bounded before they are believed, and whatever breaks a
rule raises ``MalformedInput``. What is decoded is data; nothing here knows what a signature does.
"""
