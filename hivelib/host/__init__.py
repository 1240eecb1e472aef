"""Outside programs: their arguments are built purely and run through base."""
