"""What the package managers of this machine know of files: which package brought them, and what they were like.

The databases belong to root and are believed as far as that goes: whoever is root can change them. They are asked
before something is done by itself that would hurt if a signature were wrong, and for ``--packages``, which leaves files
out and says so; never in order to call a file clean.
"""
