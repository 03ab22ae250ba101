"""What a stage of the study publishes, and what later stages must know of it."""

from dataclasses import dataclass, field
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Release:
    """Tables that may be published.

    Attributes
    ----------
    tables : dict of str to pandas.DataFrame
        By name; masked values are missing.
    record : dict
        What is public and what is not, in values that JSON can hold. It contains unmasked counts
        and is itself private.
    """

    tables: dict[str, pd.DataFrame]
    record: dict[str, Any] = field(default_factory=dict)
