"""The machine: one module per thing, and nobody else touches that thing."""
