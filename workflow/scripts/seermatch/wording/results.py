"""The public files of a run, by name: what the report, the methods and the Word tables read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from seermatch.disclosure.rule import DisclosureRule
from seermatch.variables.printed import Variable, printed, printed_variables
from seermatch.wording.study_tables import reference_levels

SYNTHETIC_BANNER = (
    "Synthetic data: the patients are simulated, and nothing here is a finding about real ones."
)


@dataclass(frozen=True)
class Results:
    """Tables, figures and provenance of a run, each under the name of its file.

    Attributes
    ----------
    labels : tuple of str
        Label of the reference and of the exposed group.
    provenance : mapping
        What ``provenance.json`` holds: config, variables, cancer, exports, versions.
    tables : mapping of str to pandas.DataFrame
        Public tables by name; `results[name]` looks one up, `name in results` tells whether the
        study has it.
    figures : mapping of str to bytes
        SVG files by name.

    Raises
    ------
    KeyError
        If a table is looked up that was not read.

    Examples
    --------
    >>> balance = pd.DataFrame({"term": ["age"]})
    >>> results = Results(("M0", "M0(i+)"), {}, {"balance": balance})
    >>> len(results["balance"]), "claims" in results
    (1, False)
    """

    labels: tuple[str, str]
    provenance: Mapping
    tables: Mapping[str, pd.DataFrame]
    figures: Mapping[str, str | bytes] = field(default_factory=dict)

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self.tables[name]

    def __contains__(self, name: str) -> bool:
        return name in self.tables

    @property
    def printed(self) -> tuple[str, str]:
        """Labels of the groups as they are printed."""
        reference, exposed = map(printed, self.labels)
        return reference, exposed

    @property
    def config(self) -> Mapping:
        """The configuration as used."""
        return self.provenance["config"]

    @cached_property
    def variables(self) -> dict[str, Variable]:
        """The variables of the study, as they are printed."""
        return printed_variables(self.provenance["variables"])

    @property
    def cancer(self) -> str:
        """The cancer of the study in words, such as ``"lung cancer"``."""
        return self.provenance["cancer"]

    @property
    def versions(self) -> Mapping[str, str]:
        """Package to version."""
        return self.provenance["versions"]

    @cached_property
    def exports(self) -> pd.DataFrame:
        """One row per export: export, source, rows, database, submission, sha256."""
        return pd.DataFrame(self.provenance["exports"])

    @property
    def synthetic(self) -> bool:
        """Whether any of the patients are simulated."""
        return any("SYNTHETIC" in export["database"] for export in self.provenance["exports"])

    @property
    def banner(self) -> str:
        """A warning above everything made of simulated patients; else empty."""
        return SYNTHETIC_BANNER if self.synthetic else ""

    @property
    def disclosure(self) -> DisclosureRule:
        """What is masked."""
        row = self["disclosure"].iloc[0]
        return DisclosureRule(int(row["minimum_count"]), row["method"])

    @property
    def weighted(self) -> bool:
        """Whether sets are incomplete, so that patients are weighted."""
        return bool(self["disclosure"]["incomplete_sets"].iloc[0])

    @property
    def reference_levels(self) -> dict[str, str]:
        """First level of each factor of Table 1: its reference level."""
        return reference_levels(self["table1"])

    def of_model(self, estimator: str, table: str = "models") -> pd.DataFrame:
        """Look up the rows of an estimator, ``cox`` or ``fine_gray``, of models or contrasts."""
        return self[table][self[table]["estimator"] == estimator]
