"""The kinds of box an agent can live in; each module has the same functions."""
