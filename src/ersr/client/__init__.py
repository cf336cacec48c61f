"""The command `ersr` and the client for programs (http.py). Needs core, names and proof; never Django."""
