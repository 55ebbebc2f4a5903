"""The transparency log: proof that everybody is offered the same releases, and that none is ever taken back.

A publisher appends one leaf for every release to a Merkle tree (RFC 6962) and signs its head; witnesses, who see only
that nothing was rewritten, sign it too. A client that accepts nothing else can be sure that what it is given was
given to all. The formats are those of C2SP (https://c2sp.org): signed-note, tlog-checkpoint, tlog-cosignature,
tlog-proof, tlog-policy, tlog-tiles, tlog-witness; so other people's logs, witnesses and monitors work with ours.

Bytes go in and come out. Nothing here knows a network, TUF, or what a leaf means. What cannot be read raises
``MalformedInput``, what does not hold raises ``TrustError``; no function answers False to mean "forged".
"""
