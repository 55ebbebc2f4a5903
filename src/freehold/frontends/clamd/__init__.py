"""clamd's protocol: every client that speaks to ClamAV's daemon speaks to Freehold.

``commands`` cuts the bytes of a client into commands, ``connection`` holds the conversation, ``replies`` words what is
answered, ``server`` welcomes clients, ``importing`` reads ``clamd.conf``. The content that clients bring is passed on
as a descriptor and never looked at here. Protocol: clamd(8), and clamd 1.4.6 itself, with which the tests compare.
"""
