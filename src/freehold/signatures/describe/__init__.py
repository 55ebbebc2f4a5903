"""Signatures in words: what each one looks at, what must stand where, and when that is a match.

``signature.describe`` is the way in; it takes what a language's parser yields, so that the words say what Freehold has
understood, not what was written. ``places`` puts offsets into words, ``bodies`` byte patterns, ``conditions`` what must
be true, ``logical`` and ``rules`` put them together. Nothing here prints, or looks at files under examination.
"""
