"""Where signatures come from: feeds that the user has named, and the copies that are kept of them.

A feed has a kind (``sources``: one module for each, strangers to each other, listed in ``registry``) and an origin. A
refresh fills a new folder (``snapshot``) from a folder of this machine (``local``) or from a mirror (``transfer``), and
``store`` puts it in place in one step. ``state`` tells where all this lies, and is all that a scan ever needs. Nothing
here compiles, scans, or looks further into a file than its first line; the signatures of what was copied are checked
when it is compiled.
"""
