"""Repetitions of the whole analysis on cohorts whose truth is known."""
