"""The shop in Django: users and sessions are Django's own, in SQLite."""
