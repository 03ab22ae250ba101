"""Propensity score, nearest-neighbour matching, weights, and the balance that they reach."""
