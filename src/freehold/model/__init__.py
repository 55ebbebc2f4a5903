"""The nouns of Freehold, its errors and its interfaces.

Everything above speaks in these words: an artifact is examined under a budget; signatures match it and
leave detections with evidence; what could not be examined leaves problems; both together make the verdict.
Standard library only: this package imports nothing of Freehold, reads no file format and does no input
or output beyond reading a descriptor that it was given.
"""
