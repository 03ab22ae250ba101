"""What maintainers run and no user: calibration, speed, and the comparison with R."""

import sys
from pathlib import Path

# The library of the checkout that this package lies in
sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))
