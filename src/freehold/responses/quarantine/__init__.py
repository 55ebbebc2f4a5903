"""Quarantine: takes a file away, keeps it sealed with everything that belongs to it, and puts it back exactly.

A file is in one place at any time: where it was, or in the vault (``vault``). ``taking`` and ``restoring`` move it in
steps that each leave something that ``settling`` can bring to an end after a crash, one way or the other. Nothing here
reads what a file means; its content is bytes that are sealed (``sealing``) and unsealed.
"""
