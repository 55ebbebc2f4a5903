"""The fleet server, an optional extra; nothing else imports it."""
