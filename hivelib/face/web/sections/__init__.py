"""The parts of the pages: each says which events change it, and draws itself, at first and again."""
