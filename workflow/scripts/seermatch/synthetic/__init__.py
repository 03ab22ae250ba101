"""A made-up registry and its SEER*Stat exports, with effects that are known."""
