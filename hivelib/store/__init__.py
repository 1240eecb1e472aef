"""Rows: all SQL lives here."""
