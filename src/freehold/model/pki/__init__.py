"""Certificates and signed messages: DER, X.509, CMS, RSA, ECDSA, as far as checking signatures takes them.

The compiler checks the signatures of ClamAV's containers, the engine those of Windows programs and catalogues. Whom to
trust is for them to say; here is only what signatures and certificates say, and whether the mathematics holds.
"""
