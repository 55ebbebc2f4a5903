"""HTTP: a web API, metrics, and a page where a person drops a file.

``server`` accepts clients and runs uvicorn's HTTP/1.1 with them, within bounds (``protocol``); ``app`` says what is at
which address (Starlette), ``access`` who may ask and how often (``tokens``), ``upload`` takes what they send,
``jobs`` keeps what is examined while nobody waits, ``callbacks`` has ``courier``, a process of its own, tell results.
``openapi.json`` describes all of it. What clients send is passed on as a descriptor and never looked at here.

The libraries are those of the extra ``http``; nothing here is imported unless this way in is configured.
"""
