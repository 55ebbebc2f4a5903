"""The way in for who looks after the daemon: ``freehold top`` and ``freehold doctor --service``.

A client is root or the daemon's own user. It sends one word and a newline, and gets one line of JSON. ``server``
answers, ``client`` asks.
"""
