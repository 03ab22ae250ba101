"""Cohorts with known effects, which show how far the study's own steps are off."""
