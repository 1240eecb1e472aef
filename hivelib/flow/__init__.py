"""Verbs: one function is one use case, one transaction, then one ring."""
