"""The place of the fleet server, an optional extra that is not written yet; nothing else imports it."""
