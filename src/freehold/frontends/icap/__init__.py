"""ICAP (RFC 3507): proxies and applications that hand over what passes through them.

``message`` reads the head of a request, ``chunks`` the body behind it, ``http`` the few fields of the HTTP message that
matter, ``connection`` holds the conversation, ``answers`` words what is said, ``page`` is what people see instead of
what was blocked, ``server`` welcomes clients. Bodies are passed on as descriptors and never looked at here.
"""
