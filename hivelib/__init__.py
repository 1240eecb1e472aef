"""The library behind the hive's tools; `docs/internals.md` is where to start reading."""

__version__ = "0.1.0"
