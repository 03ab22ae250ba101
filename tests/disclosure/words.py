"""Eighth attack: the sentences of the report, its warnings and the methods.

They are written from what is published, so that each number of patients in them is a published
one, or a sum or a difference of two.
"""

import io
import re
from html import unescape
from itertools import combinations

import numpy as np
import pandas as pd
from paper_words import VARIABLES
from report_content import changed, made_up_content
from seermatch.disclosure.rule import DisclosureRule
from seermatch.matching.matched_sets import has_complete_sets
from seermatch.methods.data import methods_sections
from seermatch.report.page import render_report
from seermatch.report.sections.warnings import find_warnings
from seermatch.wording.numbers import rounded_counts
from seermatch.wording.study_tables import (
    characteristics_table,
    reference_levels,
    regression_table,
)
from small_studies import COVARIATES, LABELS, Study

MODELS = ("cox", "cox_contrasts", "fine_gray", "fine_gray_contrasts")
PEOPLE = r"(?:patients?|records?|deaths?|events?|died|tumors?)\b"
NUMBER = r"(?<![\w.,–/-])(≤?\d[\d,]*)"
COUNTED = re.compile(
    rf"{NUMBER}(?= (?:(?!and |of |other )\S+ ){{0,2}}{PEOPLE})|"
    rf"{NUMBER}(?= of (?:breast|other|masked|[\d,]+ (?:\S+ )?{PEOPLE}))"
)
NOT_COUNTS = re.compile(
    r"\b\d+ (?:events? per|deaths? or more)|per [\d,]+ patients|matched to (?:up to )?\d+|"
    r"(?:fewer than|below|at least) \d+",
    re.IGNORECASE,
)


def sentences(study: Study, tables: dict[str, pd.DataFrame], rule: DisclosureRule) -> str:
    """Write the report, its warnings and the methods from published tables."""
    shown = {name: _through_file(table) for name, table in tables.items()}
    overlap, comparison = shown["score_overlap"], shown["comparison"]
    shown["score_overlap"] = overlap.assign(group=overlap["group"].map(dict(enumerate(LABELS))))
    with rounded_counts(rule.width):
        for number, population in ((1, "cohort"), (2, "matched")):
            rows = comparison[comparison["population"] == population]
            shown[f"table{number}"] = characteristics_table(rows, LABELS)
        for number, name in ((3, "cox"), (4, "fine_gray")):
            terms = [*COVARIATES, "group"]
            shown[f"table{number}"] = regression_table(
                shown[name], terms, LABELS, reference_levels(shown["table1"]), VARIABLES
            )
        made_up = made_up_content()
        results = changed(
            made_up,
            **{name: table for name, table in shown.items() if name in (*made_up.tables, *MODELS)},
            exports=made_up.exports.assign(rows=int(shown["quality"]["records"].max())),
            disclosure=rule,
            weighted=not has_complete_sets(study.matched),
            **dict.fromkeys(("claims", "paper_audit", "paper_comparison")),
        )
        page = re.sub(
            r"<(table|svg|style|script)\b.*?</\1>", " ", render_report(results), flags=re.DOTALL
        )
        parts = [unescape(re.sub(r"<[^>]+>", " ", page)), *find_warnings(results)]
        for paragraphs in methods_sections(results).values():
            parts += paragraphs
    return re.sub(r"\s+", " ", " ¶ ".join(parts))


def _through_file(table: pd.DataFrame) -> pd.DataFrame:
    """Write a table and read it as the scripts do."""
    text = table.astype({n: str for n in table.select_dtypes("category")}).to_csv(index=False)
    read = pd.read_csv(io.StringIO(text), keep_default_na=False, na_values=[""])
    names = table.select_dtypes(["object", "string", "category"]).columns
    return read.astype(dict.fromkeys(names, object)).fillna(dict.fromkeys(names, ""))


def unfounded(text: str, tables: dict[str, pd.DataFrame], limit: int) -> list[str]:
    """Numbers of patients in sentences that are small, or not those of public tables."""
    public = published_counts(tables)
    numbers = {n: int(n.replace(",", "")) for n in counts_in(text) if n[0] != "≤"}
    return [n for n, number in numbers.items() if 0 < number < limit or number not in public]


def counts_in(text: str) -> set[str]:
    """Numbers of patients, records and deaths in sentences, as they are printed."""
    text = NOT_COUNTS.sub("", text)
    return {first or second for first, second in COUNTED.findall(text)}


def published_counts(tables: dict[str, pd.DataFrame]) -> set[int]:
    """Counts of the tables that hold them, and sums and differences of two of one table."""
    found = {0}
    for name in ("attrition", "comparison", "followup", "included", "quality", "sensitivity"):
        numbers = tables[name].select_dtypes("number").to_numpy(dtype=float, na_value=np.nan)
        own = {int(n) for n in numbers.ravel() if n >= 0 and float(n).is_integer()}
        found |= own
        if name in ("attrition", "followup"):
            found |= {abs(a - b) for a, b in combinations(own, 2)}
            found |= {a + b for a, b in combinations(own, 2)}
    return found
