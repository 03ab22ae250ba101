"""The one way from private rows to public tables: small counts leave them before they are printed.

`release_cohort`, `release_outcomes` and `release_sensitivity` take the tables of a stage and what
was released before, and give what may be published. Import the module that is needed.
"""
