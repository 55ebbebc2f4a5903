"""The publisher's side: a repository of releases, from the ceremony that makes its keys to the files that mirrors copy.

A repository is a folder: ``public`` is the tree that everybody may copy, ``staged`` what is to become part of it and
still lacks signatures. ``building`` makes a release out of signature files, ``signing`` signs what is staged, never
without having made it again, ``releasing`` puts it into the public tree, in the order in which clients may see it.
Several organisations have copies of the folder, and send each other what is staged.

What compiles and what scans known-good files is not here: the front end runs the gate, this package asks whether it
was passed. Nothing here starts a program or reads what is not named to it. ``docs/update-format.md`` has the tree.
"""
