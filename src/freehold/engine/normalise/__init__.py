"""The forms in which texts are compared: what ClamAV makes of text, HTML and JavaScript before it matches.

Signature writers wrote against these forms, so they are ClamAV's, peculiarities included: lower case, runs of blanks
made one, comments dropped, entities decoded. ``views`` says which artifact is compared in which forms; matchers call
it. Nothing here keeps state, looks at signatures, or unpacks.
"""
