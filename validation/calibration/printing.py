"""Shares and rows of tables as docs/validation.md prints them."""

import numpy as np
import pandas as pd


def percent(share: float, digits: int = 1) -> str:
    """Print a share."""
    return "" if np.isnan(share) else f"{100 * share:.{digits}f} %"


def row_of(*cells: str) -> str:
    """Print a row of a table."""
    return f"| {' | '.join(cells)} |\n"


def span(rows: pd.DataFrame, column: str) -> str:
    """Print the smallest and the largest share of a column."""
    return f"{100 * rows[column].min():.1f} to {100 * rows[column].max():.1f} %"
