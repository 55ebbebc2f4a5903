"""Following a feed: fetch what is new, verify it in every way, try it, and put it in place, or say why not.

One *feed* is one trust domain: a folder with its root of trust, its policy, its mirrors, what was seen so far and the
generations of its database (``store``). ``following`` is the algorithm; each of its steps is a module: ``transfer`` and
``origins`` bring bytes from a mirror, a folder or a bundle, ``trust`` runs TUF over them, ``ledger`` compares with the
public log, ``rings`` says when, ``contents`` applies segments, ``generations`` keeps and activates what was compiled.
Whatever is refused is refused with its own error (``refusals``). What compiles and what tries is handed in by the front
end; nothing here scans, and nothing that arrives can run. Nothing that is sent tells one user from another.
"""
