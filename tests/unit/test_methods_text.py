"""The methods section follows the configuration and the run; the checklists are complete."""

import copy
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from paper_words import CANCER, FACTS
from report_content import REFERENCE_LEVELS, cell_rows, changed, disclosure_row, made_up_content
from seermatch.disclosure.rule import DisclosureRule
from seermatch.matching import characteristics as group_comparison
from seermatch.matching import nearest as matching
from seermatch.matching.characteristics import compare_groups, independence_test
from seermatch.methods import analysis as methods_analysis
from seermatch.methods import page as methods_page
from seermatch.methods.data import cite_database, methods_sections
from seermatch.methods.page import AUTHORS, plain_markdown, reporting_checklist
from seermatch.report.page import SECTIONS
from seermatch.wording.results import Results

ROOT = Path(__file__).parents[2]
DATABASE = (
    "Incidence - SEER Research Data, 17 Registries, Nov 2024 Sub (2000-2022) - Linked To County "
    "Attributes - Time Dependent (1990-2023) Income/Rurality, 1969-2023 Counties"
)
# as SEER*Stat 9.0.43 prints it under SUGGESTED CITATION
CITATION = (
    "Surveillance, Epidemiology, and End Results (SEER) Program (www.seer.cancer.gov) SEER*Stat "
    f"Database: {DATABASE}, National Cancer Institute, DCCPS, Surveillance Research Program, "
    "released April 2025, based on the November 2024 submission."
)
SOFTWARE = (
    "Surveillance Research Program, National Cancer Institute SEER*Stat software "
    "(www.seer.cancer.gov/seerstat) version"
)


def models(status="ok", terms=("age", "n_stage")):
    rows = [
        (model, term, "", status if term == terms[0] and model == "multivariable" else "ok")
        for model in ("univariable", "multivariable", "recommended")
        for term in (*terms, "group")
    ]
    return pd.DataFrame(rows, columns=["model", "term", "level", "status"])


def table_of(*names):
    rows = [("n", "", ""), *((name, "", name) for name in names)]
    rows += [(factor, level, "") for factor, level in REFERENCE_LEVELS.items()]
    return pd.DataFrame(rows, columns=["variable", "level", "test"])


@pytest.fixture(scope="module")
def facts():
    """A run of the default study on an export of SEER*Stat."""
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    followup = pd.DataFrame(
        {"population": ["cohort"] * 3 + ["matched"] * 3, "group": ["M0", "M0(i+)", "all"] * 2,
         "n": [283503, 585, 284088, 1170, 585, 1755]}
    )  # fmt: skip
    export = {"export": "a", "rows": 324571, "database": DATABASE, "submission": "Nov 2024"}
    versions = {"seermatch": "0.1.0", "statsmodels": "0.15.0", "lifelines": "0.30.3"}
    tables = {
        "attrition": pd.DataFrame(
            {"criterion": ["records", "female", "age 18–89 years"],
             "remaining": [324571, 320000, 284088]}
        ),
        "followup": followup,
        "sensitivity": pd.DataFrame(
            {"analysis": ["main", "caliper 0.1", "a new analysis"],
             "outcome": "other death (cause-specific Cox)",
             "estimand": ["ATT", "ATT", "ATO"],
             "variance": ["clustered by matched set", "clustered by matched set",
                          "robust by patient"]}
        ),
        "table1": table_of("Wilcoxon rank-sum", "Pearson chi-square"),
        "table2": table_of("Wilcoxon rank-sum", "Pearson chi-square"),
        "models": pd.concat(
            [models().assign(estimator="cox"),
             models(terms=("grade",)).assign(estimator="fine_gray")]
        ),
        "separated_cells": cell_rows(),
        "disclosure": disclosure_row(),
    }  # fmt: skip
    provenance = {"config": config, "exports": [export], "versions": versions}
    provenance |= {"cancer": CANCER, "variables": FACTS}
    return Results(("M0", "M0(i+)"), provenance, tables)


def words(facts, **choices):
    """All paragraphs, with keys of the configuration changed: ``matching__ratio=1``."""
    config = copy.deepcopy(facts.config)
    for path, value in choices.items():
        section, key = path.split("__")
        config[section][key] = value
        if section == "disclosure":
            facts = changed(facts, disclosure=DisclosureRule(value))
    sections = methods_sections(changed(facts, config=config))
    return " ".join(text for paragraphs in sections.values() for text in paragraphs)


DEFAULTS = {
    "caliper": "The caliper was 0.2 standard deviations of the logit of the score",
    "tie unit": "10⁻⁹ of the caliper",
    "link": "on the logit of the score (the linear predictor)",
    "ratio": "matched to 2 M0 patients",
    "rounds": "There were 2 rounds",
    "order": "from the highest score down",
    "ties": "SHA-256 hash of seed (20261122)",
    "fit": "by maximum likelihood (statsmodels 0.15.0)",
    "sets": "All sets have the same size, so that no weights are needed.",
    "estimand": "The estimand is the effect in the exposed.",
    "log-rank": "compared by the log-rank test.",
    "Gray": "compared by Gray’s test (ρ = 0).",
    "greenwood": "Greenwood’s variance",
    "interval": "on the log scale",
    "balance": "up to 0.1 counted as balanced",
    "selection": "a univariable p below 0.05",
    "joint test": "likelihood-ratio test for Cox",
    "check": "(estimates checked against scikit-survival)",
    "seeds": "with 200 other seeds of the tie rule.",
    "tumor": "the one with the lowest record number was kept",
    "registries": "in all registries of the exports",
    "disclosure": "No count was masked",
    "margin": "No margin of equivalence was fixed in advance",
    "years": "diagnosed in 2018–2022",
}


def test_the_default_study(facts):
    text = words(facts)
    for phrase in DEFAULTS.values():
        assert phrase in text
    assert "female (320,000); age 18–89 years (284,088)" in text
    assert "This left 585 M0(i+) and 283,503 M0 patients" in text
    assert "Of 585 M0(i+) patients 585 were matched, to 1,170 M0 patients." in text
    assert "in the Cox analysis age (years) and N stage and in the Fine–Gray analysis grade" in text
    assert "have the same" not in text.replace(DEFAULTS["sets"], "")
    assert "IDC (8500, 8522) and Other (all others)" in text
    assert "T1–T2 (labels that match T[12].*)" in text
    assert "subtype (Breast Subtype (2010+); reference HR+/HER2−)" in text
    assert "December 2022" in text
    assert "weighted" not in text and "up to 2 M0" not in text


@pytest.mark.parametrize(
    ("choices", "gone", "said"),
    [
        ({"matching__caliper": None}, ["caliper", "tie unit"],
         ["No caliper was set.", "10⁻⁹ of the standard deviation of the distance"]),
        ({"matching__caliper": 0.05}, ["caliper"], ["The caliper was 0.05 standard deviations"]),
        ({"matching__ratio": 1}, ["ratio", "rounds"],
         ["matched to one M0 patient by", "M0(i+) patients chose from the highest score down"]),
        ({"matching__ratio": 4}, ["ratio", "rounds"], ["to 4 M0 patients", "There were 4 rounds"]),
        ({"matching__exact": ["year"]}, [], ["have the same year of diagnosis. Of"]),
        ({"matching__exact": ["year", "registry"]}, [],
         ["have the same year of diagnosis and SEER registry. Of"]),
        ({"matching__ties": "file_order"}, ["ties", "tie unit", "fit", "seeds"],
         ["MatchIt 4.7.2", "depends on the order of the records", "stopping rule of R’s glm",
          "other seeds of a tie rule by seeded hash"]),
        ({"matching__link": "probability"}, ["link", "caliper"],
         ["nearest-neighbor matching on the score itself", "deviations of the score (div"]),
        ({"matching__order": "smallest"}, ["order"], ["from the lowest score up"]),
        ({"matching__order": "random", "matching__ties": "file_order", "matching__seed": 7},
         ["order", "ties", "tie unit", "fit", "seeds"],
         ["in random order (seed 7)", "a tie rule by seeded hash and of the order."]),
        ({"matching__seed": 8}, ["ties"], ["hash of seed (8)"]),
        ({"survival__interval": "log-log"}, ["interval"], ["intervals on the log-log scale from"]),
        ({"survival__interval": "plain"}, ["interval"], ["on the untransformed scale"]),
        ({"balance__threshold": 0.25}, ["balance"], ["up to 0.25 counted as balanced"]),
        ({"regression__selection_p": 0.2}, ["selection"], ["a univariable p below 0.2 in"]),
        ({"regression__recommended": ["age", "year"]}, [],
         ["fixed in advance, age (years) and year of diagnosis (calendar year), and the group"]),
        ({"cohort__one_tumor_per_patient": False}, ["tumor"],
         ["Every eligible tumor counted", "283,503 M0 tumors"]),
        ({"cohort__registries": ["Iowa", "Utah"]}, ["registries"],
         ["in the registries Iowa and Utah"]),
        ({"cohort__years": [2018, 2020]}, ["years"], ["diagnosed in 2018 and 2020"]),
        ({"disclosure__minimum_count": 5}, ["disclosure"],
         ["Masked in everything published are counts of 1–4, and others from which"]),
        ({"interpretation__equivalence_margin": 1.25}, ["margin"],
         ["hazard ratios of 0.8 and 1.25"]),
        ({"interpretation__months": [60]}, [], ["at month 60, with"]),
        ({"interpretation__power": 0.905}, [], ["with 90.5% power"]),
        ({"interpretation__ascertainment": [0.3, 0.005]}, [], ["if 30% or 0.5% of the exposed"]),
        ({"study__claims": [{"claim": "It is worse.", "source": "A site", "months": [36]}]}, [],
         ["Claims of other sources were put to", "intervals: “It is worse.” (A site)."]),
        ({"stability__seeds": 1000}, ["seeds"], ["repeated with 1,000 other seeds"]),
        ({"data_quality__stop_percent": 2.5}, [], ["more than 2.5% of the records"]),
        ({"data_quality__missing_cause_of_death_percent": 7}, [], ["more than 7% of the deaths"]),
    ],
)  # fmt: skip
def test_a_changed_choice_changes_the_words(facts, choices, gone, said):
    before, text = words(facts), words(facts, **choices)
    for phrase in said:
        assert phrase in text
        assert phrase not in before
    lost = [name for name, phrase in DEFAULTS.items() if phrase not in text]
    assert sorted(lost) == sorted(gone)


def test_words_that_go_with_a_rule_go_with_it(facts):
    assert "caliper" not in words(facts, matching__caliper=None).replace("caliper 0.1", "").replace(
        "No caliper was set", ""
    ).replace("Calipers are in", "")
    assert "logit" not in words(facts, matching__link="probability")
    text = words(facts, matching__ties="file_order")
    assert "statsmodels" not in text.split("fitted")[1].split(";")[0]
    assert "20261122" not in text and "SHA" not in text
    assert "ascertain" not in words(facts, interpretation__ascertainment=[])
    assert "had been found" not in words(facts, interpretation__ascertainment=[])


def test_another_exposure(facts):
    config = copy.deepcopy(facts.config)
    overlay = ROOT / "config/studies/nodal_micrometastasis.yaml"
    study = yaml.safe_load(overlay.read_text(encoding="utf-8"))
    for section in ("cohort", "recode", "matching", "regression"):
        config[section] |= study[section]
    followup = facts["followup"].replace({"group": {"M0": "N0", "M0(i+)": "N1mi"}})
    other = changed(facts, config=config, followup=followup, labels=("N0", "N1mi"))
    text = words(other)
    assert "M0" not in text
    assert "was Derived EOD 2018 N Recode (2018+): N1mi against N0, the reference" in text
    assert "Each N1mi patient was matched to 2 N0 patients" in text
    covariates = re.search(r"Covariates were ([^.]*)\.", text)[1]
    assert "N stage" not in covariates and "T stage" in covariates
    config["cohort"]["exposure"]["exposed"] = {"label": "any", "labels": ["N1", "N2"]}
    assert "N Recode (2018+): any (N1, N2) against N0" in words(changed(other, config=config,
        followup=followup.replace("N1mi", "any"), labels=("N0", "any")))  # fmt: skip


def test_incomplete_sets_are_weighted_throughout(facts):
    followup = facts["followup"].assign(n=[283503, 585, 284088, 1000, 560, 1560])
    text = words(changed(facts, followup=followup, weighted=True, table2=table_of()))
    for name in ("sets", "estimand", "log-rank", "Gray", "greenwood", "joint test", "check"):
        assert DEFAULTS[name] not in text, name
    assert "matched to up to 2 M0 patients" in text
    assert "Of 585 M0(i+) patients 560 were matched, to 1,000 M0 patients." in text
    assert "a weight of one over the number in the set, scaled to a mean of 1" in text
    assert "The estimand is the effect in those exposed who found a match." in text
    assert "clustered by matched set, in place of the log-rank test" in text
    assert "clustered by matched set, in place of Gray’s test" in text
    assert text.count("the infinitesimal jackknife") == 2
    assert "Wald intervals from robust standard errors" in text
    assert "(Wald test with the robust variance; likelihood-ratio" in text
    assert "scikit-survival" not in text, "it takes no weights"
    assert "After matching no test was made" in text and "Greenwood" not in text


def test_group_tests_are_those_of_the_tables(facts):
    other = changed(facts, table2=table_of("Wilcoxon rank-sum", "Fisher exact"))
    text = words(other)
    assert "they were compared by the Wilcoxon" in text and "Fisher’s exact test" in text
    assert "the same tests" not in text
    assert "Fisher" not in words(facts) and "simulated tables" not in words(facts)


def test_every_test_that_can_be_made_has_words():
    frame = pd.DataFrame({"group": [0, 1] * 10, "age": range(20)})
    made = {
        compare_groups(frame, ["age"])["test"].iloc[0],
        *(independence_test(np.array(table)).name for table in ([[30, 20], [25, 25]],
          [[3, 1], [1, 3]], [[3, 1], [1, 3], [2, 2]])),
    }  # fmt: skip
    assert made == set(methods_analysis.TESTS)
    text = methods_analysis.TESTS["Monte Carlo chi-square"]
    assert f"{group_comparison.SIMULATED_TABLES:,} simulated" in text
    assert f"below {group_comparison.SMALLEST_EXPECTED})" in text
    assert matching._TIE == 1e-9


def test_irregular_terms_are_named(facts):
    assert "In this run no term was aliased or separated." in words(facts)
    text = words(changed(facts, fine_gray=models("separated", ("er",))))
    assert "In this run: separated in the Fine–Gray analysis (multivariable): ER" in text
    assert "no term was" not in text
    only_group = facts.of_model("cox")[facts.of_model("cox")["term"] == "group"]
    assert "in the Cox analysis no covariate and in" in words(changed(facts, cox=only_group))


def test_analyses_appear_by_name(facts):
    text = words(facts)
    assert "in other ways: caliper 0.1; a new analysis." in text
    assert "clustered by matched set or robust by patient" in text
    assert "ATO, the effect in the overlap" in text
    without = facts["sensitivity"][facts["sensitivity"]["analysis"] != "caliper 0.1"]
    assert "Calipers are in" not in words(changed(facts, sensitivity=without))
    alone = facts["sensitivity"].head(1)
    assert "Sensitivity analyses" not in words(changed(facts, sensitivity=alone))


def test_imputation_is_told_where_it_was_done(facts):
    assert "nothing was imputed" in words(facts)
    assert "Rubin" not in words(facts)
    table = facts["sensitivity"].replace({"analysis": {"a new analysis": "multiple imputation"}})
    table.loc[2, "estimand"] = "ATT, incomplete included"
    text = words(changed(facts, sensitivity=table), sensitivity__imputations=7)
    assert "nothing was imputed" not in text
    assert "unknown covariates: 7 data sets imputed by chained equations" in text
    assert "pooled by Rubin’s rules with a t reference" in text
    assert "ATT with those who lack a covariate" in text


def test_the_database_is_cited_as_seer_asks(facts):
    assert cite_database(DATABASE, "Nov 2024").replace(" [check]", "") == CITATION
    text = words(facts)
    assert CITATION.replace("April 2025", "April 2025 [check]") in text
    assert SOFTWARE in text and "simulated" not in text
    assert "324,571 records, exported from SEER*Stat" in text


def test_several_and_nameless_databases(facts):
    inputs = pd.DataFrame(
        {"export": ["a", "b", "c"], "rows": [1, 2, 3], "database": ["First", "Second", ""],
         "submission": ["Nov 2023", "", ""]}
    )  # fmt: skip
    text = words(changed(facts, exports=inputs))
    assert "3 case listings with 6 records" in text
    assert "released April 2024 [check], based on the November 2023 submission" in text
    assert (
        "Second, National Cancer Institute, DCCPS, Surveillance Research Program, released ["
        in text
    )
    assert "The dictionary of c does not name the database" in text
    assert "the study cutoff of the database." in text
    nothing = words(changed(facts, exports=inputs.iloc[2:]))
    assert "Suggested citation of the data" not in nothing


def test_synthetic_data_are_not_cited_as_data(facts):
    name = (
        "Incidence - SEER Research Data, Nov 2024 Sub (2000-2022) - SYNTHETIC, no patient records"
    )
    inputs = facts.exports.assign(database=name)
    text = words(changed(facts, exports=inputs))
    assert "The data are simulated" in text and "must not be cited as SEER data" in text
    assert "SYNTHETIC" not in text
    assert "exported from SEER*Stat." not in text


def test_masked_counts_are_not_told(facts):
    flow = facts["attrition"].astype({"remaining": "Int64"})
    flow.loc[1, "remaining"] = pd.NA
    assert "female (masked); age 18–89 years (284,088)" in words(changed(facts, attrition=flow))


# ----- page --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page(facts):
    return methods_page.methods_page(
        "A *study*", "Why?", methods_sections(facts), CANCER, "Careful."
    )


def test_page_holds_every_section_and_the_banner(page, facts):
    assert page.startswith("# Methods: A \\*study\\*\n\n> **Careful.**\n\nWhy?\n")
    for title, paragraphs in methods_sections(facts).items():
        assert f"\n## {title}\n" in page
        assert all(f"\n\n{plain_markdown(text)}\n" in page for text in paragraphs)
    assert "Careful" not in methods_page.methods_page("A", "Why?", {}, CANCER)


@given(st.text(alphabet=st.characters(codec="ascii", categories=("L", "N", "P", "S", "Zs"))))
def test_plain_markdown_loses_nothing(text):
    shown = plain_markdown(text)
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", shown) == text
    assert not re.search(r"(?<!\\)(?:\\\\)*[*_`<|\[&$#]", shown)
    assert not re.match(r"[-+]|\d+[.)]", shown)


def test_checklists_hold_every_item():
    letters = {6: "ab", 1: "ab", 12: "abcde", 13: "abc", 14: "abc", 16: "abc"}
    strobe = [f"{n}{letter}" for n in range(1, 23) for letter in letters.get(n, [""])]
    record = ["1.1", "1.2", "1.3", "6.1", "6.2", "6.3", "7.1"]
    record += ["12.1", "12.2", "12.3", "13.1", "19.1", "22.1"]
    found = [(item.guideline, item.item) for item in reporting_checklist(CANCER)]
    assert found == [("STROBE", n) for n in strobe] + [("RECORD", n) for n in record]


def test_checklist_tables_have_four_columns(page):
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert len(rows) == len(reporting_checklist(CANCER)) + 4
    assert all(row.count("|") == 5 for row in rows)


def places():
    """File and sections that an item names."""
    for item in reporting_checklist(CANCER):
        for file, sections in re.findall(r"`([^`]+)`(?: \(([^)]*)\))?", item.where):
            yield item.item, file, [name for name in sections.split(", ") if name]


def test_every_item_has_an_answer():
    for item in reporting_checklist(CANCER):
        assert "`" in item.where or AUTHORS in item.where or "not applicable" in item.where


def test_every_named_file_is_made_by_a_rule():
    rules = "".join(path.read_text("utf-8") for path in (ROOT / "workflow/rules").glob("*.smk"))
    made = set(re.findall(r'"<results>/([^"]+)"', rules))
    assert {file for _, file, _ in places()} <= made


def test_every_named_section_is_there(facts):
    titles = {"methods.md": set(methods_sections(facts))}
    titles["report.html"] = {module.section(made_up_content()).title for module in SECTIONS}
    titles["tables.docx"] = {*(f"Table {n}" for n in range(1, 5)),
                             *(f"Table S{n}" for n in range(1, 6))}  # fmt: skip
    named = 0
    for _, file, sections in places():
        assert not sections or set(sections) <= titles[file], file
        named += len(sections)
    assert named > 40


def test_follow_up_counts_as_unknown_only_beyond_the_end_of_a_named_database(facts):
    words = "which counts as unknown"
    assert words in " ".join(methods_sections(facts)["Missing data and data quality"])
    nameless = changed(facts, exports=facts.exports.assign(database=""))
    assert words not in " ".join(methods_sections(nameless)["Missing data and data quality"])
