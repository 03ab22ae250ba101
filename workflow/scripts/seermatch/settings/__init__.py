"""The choices of a study: declared once, checked once, at the start of a run."""
