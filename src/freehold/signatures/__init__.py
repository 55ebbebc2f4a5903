"""From what people write to what scans use: signature languages, their parsers, and the compiler.

A source file goes through the parser of its language (``languages``, chosen by ``registry``), becomes signatures of
``freehold.model.signature``, and ``compile.build`` writes them as a bundle. This happens once, ahead of all scans, in a
process that may be slow. Signature files are input from strangers, so a malformed one costs the signatures in it and
leaves a ``Rejected`` with file, line and reason. This package never looks at files under examination.
"""
