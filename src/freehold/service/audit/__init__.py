"""An audit: which prohibited products a system holds, on what evidence, and what the rules say of them on a day.

``places`` says where to look in a system, ``machine`` what runs on this one; what must be parsed goes through the pool
to workers like any file. ``evidence`` puts both together, ``judgement`` asks the rules. Nothing here changes the
system.
"""
