"""Cohorts with known effects, which show how far the study's own steps are off."""

import sys
from pathlib import Path

# The library of the checkout that this package lies in
sys.path.insert(0, str(Path(__file__).parents[2] / "workflow" / "scripts"))
