"""The figures, drawn from public tables."""
