"""Harmless content that a signature matches, and content that it narrowly misses.

A carrier is a small file of the signature's target type in which its byte patterns stand where they must. It tests
matchers against each other, and tells the writer of a signature whether it can match at all. ``make.carriers`` is the
way in: ``counts`` decides how often each subsignature must occur, ``pieces`` makes bytes of patterns, ``canvas`` puts
them in their places, ``programs`` and ``shells`` build the file around them. Nothing here looks at files under
examination.
"""
