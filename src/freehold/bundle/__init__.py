"""The compiled database: a directory that scans map into memory and never parse.

A bundle has a manifest and one or more segments; a segment is a folder that is complete in itself: hash tables,
Hyperscan databases, rules, YARA-X's compiled rules, and what to say of each signature. ``signatures.compile`` writes
bundles, ``engine.matchers`` reads them. This package knows how they lie on disk and that they are whole; it never
parses signature source, never looks at files under examination, and imports neither Hyperscan nor YARA-X.
"""

from freehold.bundle.reader import Bundle, LogicalRoot, Root, Segment

__all__ = ["Bundle", "LogicalRoot", "Root", "Segment"]
