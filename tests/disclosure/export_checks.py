"""Seventh attack: what the checks of the exports say of the flow of patients.

The exports' rows are in the record of what was run. The checks print how many records of each group
lack a field: no more than the steps up to the criterion that asks for it excluded, and those who
lack one of its fields are all whom this criterion excluded.
"""

from collections.abc import Hashable, Mapping

import pandas as pd
from knowledge import Knowledge
from private_counts import ARMS, FLOW_ARMS
from small_studies import CRITERIA

EXPORTS = "checks of the exports"
BELOW = (-float("inf"), 0.0)  # one sum is at most another


def read_exports(known: Knowledge, tables: Mapping[str, pd.DataFrame], add) -> None:
    """Add what the checks say; `add` takes counts, or factors of them, and what is printed."""
    checks = tables["quality"]
    (rows,) = checks.loc[checks["check"] == "one_value", "records"]
    add({("left", arm, 0): 1.0 for arm in FLOW_ARMS}, rows)
    missing = checks[checks["check"] == "missing"]
    for group, block in missing.groupby("group"):
        add({("left", group, 0): 1.0}, block["records"].iloc[0])
    for row in missing[missing["group"].isin(FLOW_ARMS[:2])].itertuples():
        arm = FLOW_ARMS.index(row.group)
        add({("missing", row.field, arm): 1.0}, row.count)
        known.know(
            {("missing", row.field, arm): -1.0, ("lacking", row.field, arm): 1.0}, *BELOW, EXPORTS
        )
    for step, (_, columns) in enumerate(CRITERIA, start=1):
        for arm in ARMS if columns else ():
            before = {("gone", FLOW_ARMS[arm], earlier): -1.0 for earlier in range(1, step + 1)}
            for column in columns:
                known.know({("missing", column, arm): 1.0} | before, *BELOW, EXPORTS)
            lack: dict[Hashable, float] = {("missing", column, arm): -1.0 for column in columns}
            known.know(lack | {("gone", FLOW_ARMS[arm], step): 1.0}, *BELOW, EXPORTS)
