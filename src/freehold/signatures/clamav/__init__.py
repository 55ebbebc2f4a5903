"""What ClamAV's signature languages share: lines, levels, offsets, body patterns, expressions, target descriptions.

The languages (``signatures/languages/clamav_*``) are strangers to each other and meet only here. Everything turns
text into the values of ``freehold.model`` or raises ``MalformedInput`` with a reason; nothing here looks at files
under examination, and nothing knows how signatures are compiled.
"""
