"""Running the unpacking code of packed programs on an emulated processor, to look at what it unpacks.

One generic unpacker stands in for one per packer: the program is mapped as its loader would map it, into an environment
that answers the few functions that unpacking code needs; what it calls beyond those means that the program itself has
begun, and its memory is taken.

This runs in a process of its own (``sandbox.emulating``), never in the worker that examines the file: the processor is
native code that turns hostile bytes into machine code. Nothing here opens a path, and nothing of the host is reachable
from inside. It must not import the engine.
"""
