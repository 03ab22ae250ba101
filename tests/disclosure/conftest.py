"""The tests of the report's words lend their made-up results to those of the release."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "unit"))
