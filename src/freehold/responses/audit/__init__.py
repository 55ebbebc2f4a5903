"""The results of an audit: for people, for programs, as a page, and as evidence that can be checked elsewhere.

``record`` is the one form in which all of these know an audit; it is what gets signed.
"""
