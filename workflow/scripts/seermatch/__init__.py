"""Propensity-score-matched prognosis studies from SEER*Stat exports.

Every module is pure: frames and arrays in, frames and named results out. Import the module that
is needed (``from seermatch.survival.fine_gray import fit_fine_gray``); this package imports nothing
itself, so that a step pays only for what it uses.
"""

__version__ = "0.1.0"
