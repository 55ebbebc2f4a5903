"""What is inside a container: one module per file format, each of which offers it as ``FORMAT``.

The engine hands a format the view of an artifact whose type it has identified, and asks for the children one at a
time. A format trusts nothing that it reads: declared sizes are hints, every reading of an ambiguous structure is
followed, bytes that no reading claims come out as a child named ``rest``, and what goes wrong becomes a problem of the
artifact, so that the rest of it is still examined.

A child's content is either a slice of its container (nothing is copied) or chunks that a decoder produces. The chunks
of one child must be taken before the next child is asked for: where the next one begins may depend on where the decoder
stopped. No format opens a path, starts a process, recurses, or keeps more than one decoder's memory.
"""
