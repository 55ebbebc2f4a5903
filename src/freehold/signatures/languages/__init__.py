"""One module for each language in which people write signatures.

A module offers ``LANGUAGE`` (``model.interfaces.SignatureLanguage``), knows nothing of the other languages, and is
listed in ``freehold.signatures.registry``.
"""
