"""The table of SEER's variables: names, labels, what means missing, years."""

import itertools
import re

import pytest
from seermatch.seer.fields import identify_field, match_columns, normalized_name, seer_fields
from seermatch.variables.items import take_codes, take_labels

FIELDS = seer_fields()
CODES = [f"{n:0{width}d}" for width in (1, 2, 3, 4) for n in range(10**width)]
CODES += [f"{letter}{n:03d}" for letter in "AB" for n in range(1000)]


def test_no_spelling_means_two_fields():
    spellings = [
        normalized_name(spelling) for field in FIELDS.values() for spelling in field.spellings
    ]
    assert len(spellings) == len(set(spellings))


@pytest.mark.parametrize("field", FIELDS.values(), ids=list(FIELDS))
def test_a_field_says_what_it_holds(field):
    assert field.kind in ("levels", "codes", "number")
    assert field.labels and field.meaning and field.source
    assert field.years is None or (min(field.years) >= 1973 and max(field.years) <= 2100)
    assert len(set(field.labels)) == len(field.labels)
    for label in field.labels:
        if label.startswith("~"):
            re.compile(label[1:])


@pytest.mark.parametrize("field", FIELDS.values(), ids=list(FIELDS))
def test_what_means_missing_is_among_the_labels(field):
    plain = [label for label in field.labels if not label.startswith("~")]
    known = [*plain, *filter(field.knows, CODES)]
    take = take_labels if field.kind == "levels" else take_codes
    spare = {"Unknown", "Blank(s)", "MX", "9999", "99999", "99", "Not 2010+ Breast"}
    for item in field.unknown:
        assert take([item], known).any() or item in spare, item


def test_years_of_a_name_are_the_years_of_its_field():
    for field in FIELDS.values():
        if found := re.search(r"\((\d{4})-(\d{4})\b", field.variable):
            assert (min(field.years), max(field.years)) == tuple(map(int, found.groups())), field
        elif found := re.search(r"\((\d{4})\+", field.variable):
            assert min(field.years) <= int(found[1]), field


@pytest.mark.parametrize(
    "columns",
    [
        ["RX Summ--Surg Prim Site (1998-2022)", "RX Summ--Surg Prim Site 2023 (2023+)"],
        ["RX Summ--Surg Prim Site (1998+)", "RX Summ--Surg Prim Site 2023 (2023+)"],
        ["Race recode (W, B, AI, API)", "Race recode (White, Black, Other)", "Race/ethnicity"],
        ["Derived SEER Cmb Stg Grp (2016+)", "7th Edition Stage Group Recode (2016-2017)"],
        ["Derived AJCC T, 6th ed (2004-2015)", "Derived AJCC T, 7th ed (2010-2015)"],
        ["Summary stage 2000 (1998-2017)", "SEER Combined Summary Stage 2000 (2004-2017)"],
        ["PSA Lab Value Recode (2010+)", "PSA (Prostatic Specific Antigen) Lab Value (2018+)"],
        ["Regional nodes examined (1988+)", "Regional nodes positive (1988+)"],
    ],
)
def test_different_facts_beside_each_other_stay_different(columns):
    for order in itertools.permutations(columns):
        assert len(match_columns(order, [""] * len(order), "a.csv")) == len(columns)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("RX Summ--Surg Prim Site (1998+)", "RX Summ--Surg Prim Site (1998-2022)"),
        ("Radiation sequence with surgery", "RX Summ--Surg/Rad Seq"),
        ("RX Summ--Systemic Sur Seq", "RX Summ--Systemic/Sur Seq (2007+)"),
        (
            "Median household income inflation adj to 2019",
            "Median household income inflation adj to 2024",
        ),
        ("Combined Summary Stage (2004+)", "Combined Summary Stage with Expanded Regional Codes"),
        ("Rural-Urban Continuum Code 2013", "Rural-Urban Continuum Code"),
        ("Radiation recode (2003+)", "Radiation.recode"),
        ("Derived SEER Combined T (2016+)", "Derived SEER Combined T (2016-2017)"),
        ("CS site-specific factor 25 (2004+ varying by schema)", "CSsitespecificfactor25200420"),
    ],
)
def test_names_of_other_submissions_mean_the_same_field(older, newer):
    assert identify_field(older)[0] == identify_field(newer)[0]
