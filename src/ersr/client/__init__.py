"""The command `ersr` and, later, the HTTP client. Needs core, names and proof; never Django."""
