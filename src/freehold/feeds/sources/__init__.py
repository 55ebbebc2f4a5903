"""One module for each kind of feed; each offers one ``FEED`` and knows nothing of the others."""
