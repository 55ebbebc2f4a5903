"""Exact verification of body and logical signatures, for those few whose atoms occur in an artifact.

Everything here answers as ``model.body`` and ``model.logical`` define it, looks only where a signature can still hold,
and keeps looking at the clock, because the content was made by somebody who knows the signatures.
"""
