"""Ready variables on made-up columns of every era and submission, against levels by hand.

Labels come from the field table, never from the catalogue.
"""

import itertools

import numpy as np
import polars as pl
import pytest
from seermatch.seer.fields import identify_field, seer_fields
from seermatch.variables.catalogue import canonical, catalogue, field_facts
from seermatch.variables.conditions import All, judge, names_in, read_condition
from seermatch.variables.derivation import Derivation
from seermatch.variables.study_file import read_study_file
from seermatch.variables.values import UNPLACED

CATALOGUE = catalogue()
FIELDS = seer_fields()
READY = {name: entry.declaration for name, entry in CATALOGUE.items()}
AS_SEER = ("income", "rural", "registry", "site", "dx_confirmation", "reporting_source", "sequence")
# A variable of these stands in for a column, or follows from another variable.
DERIVED = {"grade_2018_either", "subtype_of_receptors"}
OUT, NOT_PLACED = "(not in study)", "(no level)"


def study_of(columns: dict, declared=None) -> Derivation:
    """Make the variables of records; columns under any spelling."""
    named = {canonical(name) or name: labels for name, labels in columns.items()}
    records = pl.DataFrame(named, schema=dict.fromkeys(named, pl.String))
    return Derivation(records, declared or {}, READY, field_facts(), canonical)


def told(values) -> list:
    """What each record has; None where it is unknown."""
    if values.kind == "number":
        return [None if np.isnan(number) else number for number in values.numbers]
    names = {-1: None, -2: OUT, -3: NOT_PLACED}
    return [values.labels[code] if code >= 0 else names[code] for code in values.codes]


T_2018 = {"T1c": "T1c", "T1mi": "T1mi", "T4d": "T4d", "Tis(DCIS)": "Tis", "Ta": "Ta", "T0": "T0"}
T_2018 |= {"T2a1": "T2a1", "TX": None, "88": None, "Blank(s)": None}
T_6 = {"T1mic": "T1mi", "T1NOS": "T1", "T1aNOS": "T1a", "T4d": "T4d", "Tispu": "Tis", "T3": "T3"}
T_6 |= {"TX": None, "TX Adjusted": None, "Any T, Mets": None, "NA": None, "T2NOS": "T2"}
N_2018 = {"N0": "N0", "N0(i+)": "N0(i+)", "N1mi": "N1mi", "N1a(sn)": "N1a", "N3c": "N3c"}
N_2018 |= {"N0(mol+)": "N0(mol+)", "NX": None, "88": None, "Blank(s)": None}
N_6 = {"N0(i-)": "N0", "N0NOS": "N0", "N1NOS": "N1", "N2b": "N2b", "N1mi": "N1mi", "NXr": None}
N_6 |= {"NX": None, "N1x": "N1", "Not applicable": None}
M_2018 = {"M0": "M0", "M0(i+)": "M0(i+)", "M1a(1)": "M1a", "M1": "M1", "88": None}
M_6 = {"M0": "M0", "M1NOS": "M1", "M1b": "M1b", "MX": None, "NA": None}
G_2018 = {"0": "0", "0IS": "0is", "1A2": "IA2", "2BU": "II", "3C1": "IIIC1", "4B": "IVB"}
G_2018 |= {"1E": "I", "1S": "IS", "3D": "IIID", "99": None, "88": None, "OC": None}
G_7 = {"0a": "0a", "IANOS": "IA", "IIINOS": "III", "IIIC2": "IIIC2", "IIEA": "II", "IS": "IS"}
G_7 |= {"ISB": "I", "IVC": "IVC", "IIC": "IIC", "UNK Stage": None, "OCCULT": None, "NA": None}
G_3 = {"00": "0", "10": "I", "12": "IB", "21": "IIA", "32": "IIIB", "40": "IV", "98": None}
G_3 |= {"88": None, "90": None, "99": None}
SUMMARY = {
    "In situ": OUT,
    "Localized only": "Localized",
    "Regional by direct extension only": "Regional",
    "Regional lymph nodes involved only": "Regional",
    "Regional by both direct extension and lymph node involvement": "Regional",
    "Regional, NOS": "Regional",
    "Distant site(s)/node(s) involved": "Distant",
    "Unknown/unstaged/unspecified/DCO": None,
}
SHORT_SUMMARY = {"Localized": "Localized", "Regional": "Regional", "Distant": "Distant"}
GRADES = {c: c for c in "12345ABCDELMHS"} | {"9": None, "8": None}
GRADES |= {
    "Site-specific grade system category (2)": "2",
    "Well differentiated": "A",
    "Undifferentiated and anaplastic": "D",
    "Undifferentiated, anaplastic": "D",
    "Low grade": "L",
    "High grade": "H",
    "Grade cannot be assessed; Unknown": None,
}
METASTASIS = {"No": "No", "Yes": "Yes", "None; no metastases": "No", "Unknown": None, "N/A": None}
RECEPTOR = {"Positive": "Positive", "Negative": "Negative", "Borderline/Unknown": None}
RECEPTOR |= {"Not 1990+ Breast": None, "Recode not available": None}
INTERPRETED = {
    "Negative/normal; within normal limits": "Normal",
    "Borderline; undetermined if positive or negative": "Borderline",
    "Positive/elevated": "Elevated",
    "Test ordered, results not in chart": None,
}
GLEASON = {"Gleason score 2": 2, "Gleason score 7": 7, "Gleason score 10": 10}
GLEASON |= {"Test ordered, results not in chart": None}
AGES = {"Unknown": None}

# variable: column of an era: year of diagnosis, label to level
EXPECTED = {
    "age": {
        "Age recode with single ages and 90+": (2015, AGES | {"90+ years": 90}),
        "Age recode with single ages and 85+": (2015, AGES | {"85+ years": 85}),
    },
    "sex": {"Sex": (2015, {"Female": "Female", "Male": "Male"})},
    "race": {
        "Race recode (W, B, AI, API)": (
            2015,
            {
                "White": "White",
                "Black": "Black",
                "American Indian/Alaska Native": "AI/AN",
                "Asian or Pacific Islander": "API",
                "Unknown": None,
                "Other unspecified (1991+)": None,
            },
        ),
        "Race/ethnicity": (
            2015,
            {
                "White": "White",
                "Korean (1988+)": "API",
                "Asian Indian or Pakistani, NOS (1988+)": "API",
                "Samoan (1991+)": "API",
                "American Indian/Alaska Native": "AI/AN",
                "Other": None,
                "Unknown": None,
            },
        ),
    },
    "race_3": {
        "Race recode (White, Black, Other)": (
            2015,
            {
                "White": "White",
                "Black": "Black",
                "Other (American Indian/AK Native, Asian/Pacific Islander)": "Other",
                "Unknown": None,
            },
        ),
        "Race recode (W, B, AI, API)": (
            2015,
            {"White": "White", "Asian or Pacific Islander": "Other", "Unknown": None},
        ),
    },
    "race_origin": {
        "Race and origin recode (NHW, NHB, NHAIAN, NHAPI, Hispanic)": (
            2015,
            {
                "Non-Hispanic White": "NH White",
                "Non-Hispanic Black": "NH Black",
                "Non-Hispanic American Indian/Alaska Native": "NH AI/AN",
                "Non-Hispanic Asian or Pacific Islander": "NH API",
                "Hispanic (All Races)": "Hispanic",
                "Non-Hispanic Unknown Race": None,
            },
        ),
    },
    "hispanic": {
        "Origin recode NHIA (Hispanic, Non-Hisp)": (
            2015,
            {"Non-Spanish-Hispanic-Latino": "No", "Spanish-Hispanic-Latino": "Yes"},
        ),
    },
    "marital_status": {
        "Marital status at diagnosis": (
            2015,
            {
                "Married (including common law)": "Married",
                "Single (never married)": "Single",
                "Divorced": "Divorced or separated",
                "Separated": "Divorced or separated",
                "Widowed": "Widowed",
                "Unmarried or Domestic Partner": "Domestic partner",
                "Unknown": None,
            },
        ),
    },
    "insurance": {
        "Insurance Recode (2007+)": (
            2015,
            {
                "Insured": "Insured",
                "Insured/No specifics": "Insured",
                "Any Medicaid": "Medicaid",
                "Uninsured": "Uninsured",
                "Insurance status unknown": None,
            },
        ),
    },
    "income": {
        "Median household income inflation adj to 2024": (
            2015,
            {
                "< $40,000": "< $40,000",
                "$75,000+": "$75,000+",
                "$120,000+": "$120,000+",
                "Unknown/missing/no match/Not 1990-2023": None,
            },
        ),
    },
    "rural": {
        "Rural-Urban Continuum Code": (
            2015,
            {
                "Counties in metropolitan areas ge 1 million pop": "Counties in metropolitan areas "
                "ge 1 million pop",
                "Unknown/missing/no match (Alaska or Hawaii - Entire State)": None,
                "Unknown/missing/no match/Not 1990-2024": None,
            },
        ),
    },
    "metropolitan": {
        "Rural-Urban Continuum Code": (
            2015,
            {
                "Counties in metropolitan areas of lt 250 thousand pop": "Metropolitan",
                "Nonmetropolitan counties adjacent to a metropolitan area": "Nonmetropolitan",
                "Comp rural lt 2,500 urban pop, not adjacent to metro area": "Nonmetropolitan",
                "Unknown/missing/no match": None,
            },
        ),
    },
    "registry": {"SEER registry": (2015, {"Utah": "Utah", "California": "California"})},
    "year": {"Year of diagnosis": (2015, {})},
    "site": {
        "Site recode ICD-O-3/WHO 2008": (
            2015,
            {"Breast": "Breast", "Lung and Bronchus": "Lung and Bronchus", "Cecum": "Cecum"},
        ),
    },
    "primary_site": {
        "Primary Site - labeled": (
            2015,
            {"C50.1-Central portion of breast": "C501", "C50.9-Breast, NOS": "C509"},
        ),
    },
    "histology": {"Histologic Type ICD-O-3": (2015, {})},
    "behavior": {
        "Behavior code ICD-O-3": (2015, {"Malignant": "Malignant", "In situ": "In situ"}),
    },
    "laterality": {
        "Laterality": (
            2015,
            {
                "Left - origin of primary": "Left",
                "Right - origin of primary": "Right",
                "Bilateral, single primary": "Bilateral",
                "Paired site: midline tumor": "Midline",
                "Not a paired site": "Not paired",
                "Only one side - side unspecified": None,
                "Paired site, but no information concerning laterality": None,
            },
        ),
    },
    "grade": {
        "Derived Summary Grade 2018 (2018+)": (
            2020,
            {"1": "I", "A": "I", "L": "I", "2": "II", "B": "II", "M": "II", "3": "III", "H": "III"}
            | {"C": "III", "4": "IV", "D": "IV", "5": None, "E": None, "9": None, "8": None}
            | {"Moderately differentiated": "II", "High grade": "III", "Blank(s)": None}
            | {"Site-specific grade system category (3)": "III"},
        ),
        "Grade Clinical (2018+)": (2020, {}),
        "Grade Recode (thru 2017)": (
            2010,
            {
                "Well differentiated; Grade I": "I",
                "Moderately differentiated; Grade II": "II",
                "Poorly differentiated; Grade III": "III",
                "Undifferentiated; anaplastic; Grade IV": "IV",
                "B-cell; pre-B; B-precursor": None,
                "Unknown": None,
            },
        ),
    },
    "grade_2018": {
        "Derived Summary Grade 2018 (2018+)": (2020, GRADES),
        "Grade Clinical (2018+)": (2020, {}),
    },
    "tumor_size": {
        "Tumor Size Summary (2016+)": (
            2020,
            {"000": None, "989": None, "990": None, "998": None, "999": None, "Blank(s)": None},
        ),
        "CS tumor size (2004-2015)": (2010, {"Blank(s)": None}),
        "EOD 10 - size (1988-2003)": (1995, {"Blank(s)": None}),
        "Tumor Size Over Time Recode (1988+)": (
            2010,
            {
                "000 (no evidence of primary tumor)": None,
                "990 (microscopic focus)": None,
                "Unknown or size unreasonable (includes any tumor sizes 401-989)": None,
                "400": 400,
            },
        ),
    },
    "nodes_examined": {"Regional nodes examined (1988+)": (2010, {"Blank(s)": None})},
    "nodes_positive": {"Regional nodes positive (1988+)": (2010, {"Blank(s)": None})},
    "dx_confirmation": {
        "Diagnostic Confirmation": (2010, {"Positive histology": "Positive histology"}),
    },
    "reporting_source": {
        "Type of Reporting Source": (2010, {"Autopsy only": "Autopsy only"}),
    },
    "first_primary": {"First malignant primary indicator": (2010, {"Yes": "Yes", "No": "No"})},
    "sequence": {
        "Sequence number": (
            2010,
            {
                "One primary only": "One primary only",
                "Unknown seq num - state registry-defined neoplasms": None,
            },
        ),
    },
    "survival_months": {"Survival months": (2010, {"Unknown": None})},
    "t_stage": {
        "Derived EOD 2018 T Recode (2018+)": (2020, T_2018),
        "Derived SEER Combined T (2016-2017)": (
            2016,
            {"c1A": "T1a", "p1MI": "T1mi", "p2": "T2", "pIS": "Tis", "pISU": "Tis", "pA": "Ta"}
            | {"c4D": "T4d", "p2A1": "T2a1", "c0": "T0", "cX": None, "pX": None, "88": None}
            | {"Not applicable": None},
        ),
        "Derived AJCC T, 7th ed (2010-2015)": (
            2012,
            {"T1mic": "T1mi", "T1a(m)": "T1a", "T4 NOS(s)": "T4", "T2aNOS": "T2a", "NA": None}
            | {"T1 NOS(m)": "T1", "T3d": "T3d", "Tispd": "Tis", "TX": None},
        ),
        "Derived AJCC T, 6th ed (2004-2015)": (2006, T_6),
        "T value - based on AJCC 3rd (1988-2003)": (
            1995,
            {"T1c": "T1c", "Tis": "Tis", "TXa": None, "TX": None, "T4NOS": "T4"},
        ),
        "Breast - Adjusted AJCC 6th T (1988-2015)": (1995, T_6),
    },
    "t_2018": {"Derived EOD 2018 T Recode (2018+)": (2020, T_2018)},
    "n_stage": {
        "Derived EOD 2018 N Recode (2018+)": (2020, N_2018),
        "Derived SEER Combined N (2016-2017)": (
            2016,
            {"p0I-": "N0", "p0I+": "N0(i+)", "p0M+": "N0(mol+)", "p1MI": "N1mi", "c2C": "N2c"}
            | {"c0A": "N0a", "cX": None, "Not applicable": None},
        ),
        "Derived AJCC N, 7th ed (2010-2015)": (
            2012,
            {"N0(i-)": "N0", "N0(i+)": "N0(i+)", "N0(mol-)": "N0", "N1NOS": "N1", "N4": "N4"}
            | {"NX": None, "NA": None},
        ),
        "Derived AJCC N, 6th ed (2004-2015)": (2006, N_6),
        "N value - based on AJCC 3rd (1988-2003)": (1995, {"N1a": "N1a", "N0": "N0", "NX": None}),
        "Breast - Adjusted AJCC 6th N (1988-2015)": (1995, N_6),
    },
    "n_2018": {"Derived EOD 2018 N Recode (2018+)": (2020, N_2018)},
    "m_stage": {
        "Derived EOD 2018 M Recode (2018+)": (2020, M_2018),
        "Derived SEER Combined M (2016-2017)": (
            2016,
            {"c0": "M0", "c0I+": "M0(i+)", "p1B": "M1b", "Not applicable": None},
        ),
        "Derived AJCC M, 7th ed (2010-2015)": (2012, M_6 | {"M0(i+)": "M0(i+)"}),
        "Derived AJCC M, 6th ed (2004-2015)": (2006, M_6),
        "M value - based on AJCC 3rd (1988-2003)": (1995, {"M0": "M0", "M1": "M1", "MX": None}),
        "Breast - Adjusted AJCC 6th M (1988-2015)": (1995, M_6),
    },
    "m_2018": {"Derived EOD 2018 M Recode (2018+)": (2020, M_2018)},
    "stage_group": {
        "Derived EOD 2018 Stage Group Recode (2018+)": (2020, G_2018),
        "7th Edition Stage Group Recode (2016-2017)": (2016, G_7),
        "Derived SEER Cmb Stg Grp (2016-2017)": (2017, G_2018),
        "Derived AJCC Stage Group, 7th ed (2010-2015)": (2012, G_7),
        "Derived AJCC Stage Group, 6th ed (2004-2015)": (2006, G_7),
        "AJCC stage 3rd edition (1988-2003)": (1995, G_3),
        "SEER modified AJCC stage 3rd (1988-2003)": (1995, G_3),
        "Breast - Adjusted AJCC 6th Stage (1988-2015)": (1995, G_7),
    },
    "stage": {
        "Derived EOD 2018 Stage Group Recode (2018+)": (
            2020,
            {"0": OUT, "1A2": "I", "2B": "II", "3C1": "III", "4": "IV", "99": None, "88": None},
        ),
        "Derived AJCC Stage Group, 6th ed (2004-2015)": (
            2006,
            {"0is": OUT, "IS": "I", "IC": "I", "IIC": "II", "IIINOS": "III", "IVA": "IV"}
            | {"UNK Stage": None},
        ),
        "AJCC stage 3rd edition (1988-2003)": (1995, {"00": OUT, "33": "III", "90": None}),
    },
    "summary_stage": {
        "Combined Summary Stage with Expanded Regional Codes (2004+)": (2020, SUMMARY),
        "SEER Combined Summary Stage 2000 (2004-2017)": (2010, SUMMARY),
        "Summary stage 2000 (1998-2017)": (2000, SHORT_SUMMARY | {"Unknown/unstaged": None}),
        "SEER historic stage A (1973-2015)": (
            1995,
            SHORT_SUMMARY | {"Unstaged": None, "Localized/regional (Prostate cases)": None},
        ),
    },
    "ann_arbor": {
        "Lymphoma - Ann Arbor Stage (1983-2015)": (
            2000,
            {"Stage I": "I", "Stage IV": "IV", "Not applicable": None},
        ),
    },
    **{
        f"mets_{organ}": {f"SEER Combined Mets at DX-{organ} (2010+)": (2015, METASTASIS)}
        for organ in ("bone", "brain", "liver", "lung")
    },
    "mets_distant_nodes": {
        "Mets at DX-Distant LN (2016+)": (
            2018,
            {
                "None; no lymph node metastases": "No",
                "Yes; distant lymph node metastases": "Yes",
                "Not applicable": None,
            },
        ),
    },
    "mets_other": {
        "Mets at DX-Other (2016+)": (
            2018,
            {
                "None; no other metastases": "No",
                "Yes; distant mets in known site(s) other than bone, brain, liver, lung, dist LN": (
                    "Yes"
                ),
                "Generalized metastases such as carcinomatosis": "Yes",
                "Unknown": None,
            },
        ),
    },
    "surgery": {
        "RX Summ--Surg Prim Site 2023 (2023+)": (2023, {"Blank(s)": None}),
        "RX Summ--Surg Prim Site (1998-2022)": (2010, {"Blank(s)": None}),
        "Reason no cancer-directed surgery": (
            1990,
            {
                "Surgery performed": "Yes",
                "Not recommended": "No",
                "Recommended but not performed, patient refused": "No",
                "Recommended, unknown if performed": None,
                "Unknown; death certificate; or autopsy only (2003+)": None,
            },
        ),
    },
    "surgery_code": {
        "RX Summ--Surg Prim Site 2023 (2023+)": (2023, {"Blank(s)": None}),
        "RX Summ--Surg Prim Site (1998-2022)": (2010, {"Blank(s)": None}),
    },
    "surgery_other": {
        "RX Summ--Surg Oth Reg/Dis (2003+)": (
            2010,
            {
                "None; diagnosed at autopsy": "No",
                "Non-primary surgical procedure to distant site": "Yes",
                "Any combo of sur proc to oth rg, dis lym nd, and/or dis site": "Yes",
                "Unknown; death certificate only": None,
            },
        ),
    },
    "lymph_node_surgery": {
        "RX Summ--Scope Reg LN Sur (2003+)": (
            2010,
            {
                "None": "None",
                "Sentinel lymph node biopsy": "Sentinel",
                "4 or more regional lymph nodes removed": "4 or more nodes",
                "Sentinel node biopsy and lym nd removed different times": "Sentinel and nodes",
                "Unknown or not applicable": None,
            },
        ),
    },
    "reason_no_surgery": {
        "Reason no cancer-directed surgery": (
            2010,
            {
                "Surgery performed": "Performed",
                "Not recommended": "Not recommended",
                "Recommended but not performed, patient refused": "Refused",
                "Not performed, patient died prior to recommended surgery": "Died before",
                "Recommended but not performed, unknown reason": "Not performed",
                "Recommended, unknown if performed": None,
            },
        ),
    },
    "radiation": {
        "Radiation recode": (
            2010,
            {
                "None/Unknown": "None",
                "Refused (1988+)": "None",
                "Recommended, unknown if administered": "None",
                "Beam radiation": "Beam radiation",
                "Radioisotopes (1988+)": "Other radiation",
                "Combination of beam with implants or isotopes": "Other radiation",
                "Radiation, NOS  method or source not specified": "Other radiation",
                "Not available (IL or TX)": None,
            },
        ),
    },
    "chemotherapy": {
        "Chemotherapy recode (yes, no/unk)": (
            2010,
            {"No/Unknown": "No/Unknown", "Yes": "Yes", "Not available (IL or TX)": None},
        ),
    },
    "radiation_sequence": {
        "RX Summ--Surg/Rad Seq": (
            2010,
            {
                "No radiation and/or cancer-directed surgery": "None",
                "No radiation and/or no surgery; unknown if surgery and/or radiation given": "None",
                "Radiation prior to surgery": "Before surgery",
                "Radiation after surgery": "After surgery",
                "Radiation before and after surgery": "Both",
                "Intraoperative radiation": "Other",
                "Sequence unknown, but both were given": None,
            },
        ),
    },
    "systemic_sequence": {
        "RX Summ--Systemic/Sur Seq (2007+)": (
            2010,
            {
                "No systemic therapy and/or surgical procedures": "None",
                "Systemic therapy before surgery": "Before surgery",
                "Systemic therapy after surgery": "After surgery",
                "Systemic therapy both before and after surgery": "Both",
                "Surgery both before and after systemic therapy": "Other",
                "Sequence unknown": None,
            },
        ),
    },
    "neoadjuvant_response": {
        "Response to Neoadjuvant Therapy Recode (2010+)": (
            2015,
            {"Complete response": "Complete", "Unknown": None},
        ),
    },
    "days_to_treatment": {
        "Time from diagnosis to treatment in days recode": (
            2015,
            {"731+ days": 731, "Unable to calculate": None, "Blank(s)": None},
        ),
    },
    "months_to_treatment": {
        "Months from diagnosis to treatment": (2015, {"24+ months": 24, "Blank(s)": None}),
    },
    "er": {
        "ER Status Recode Breast Cancer (1990+)": (2015, RECEPTOR),
        "Estrogen Receptor Summary (2018+)": (
            2020,
            {
                "ER positive": "Positive",
                "ER negative": "Negative",
                "Test ordered, results not in chart": None,
            },
        ),
    },
    "pr": {
        "PR Status Recode Breast Cancer (1990+)": (2015, RECEPTOR),
        "Progesterone Receptor Summary (2018+)": (
            2020,
            {"PR positive": "Positive", "PR negative": "Negative"},
        ),
    },
    "her2": {
        "Derived HER2 Recode (2010+)": (2015, RECEPTOR),
        "HER2 Overall Summary Recode (2018+)": (
            2020,
            {"HER2 positive": "Positive", "HER2 negative; equivocal": "Negative"},
        ),
    },
    "subtype": {
        "Breast Subtype (2010+)": (
            2015,
            {
                "HR+/HER2-": "HR+/HER2-",
                "HR+/HER2+ (Luminal B)": "HR+/HER2+",
                "HR-/HER2- (Triple Negative)": "HR-/HER2-",
                "Triple Negative": "HR-/HER2-",
                "Unknown": None,
                "Recode not available": None,
            },
        ),
    },
    "psa": {
        "PSA Lab Value Recode (2010+)": (
            2015,
            {
                "98.0 ng/ml or greater": 98,
                "0.1 or less nanograms/milliliter (ng/ml)": 0.1,
                "Test ordered, results not in chart": None,
            },
        ),
        "PSA (Prostatic Specific Antigen) Lab Value (2018+)": (
            2020,
            {
                "1,000 ng/ml or greater": 1000,
                "Lab value not available, physician states PSA is negative/normal": None,
            },
        ),
    },
    "gleason_score": {
        "Gleason Score Clinical Recode (2010+)": (
            2015,
            GLEASON | {"No needle core biopsy/TURP performed": None},
        ),
        "Gleason Score Pathological Recode (2010+)": (
            2015,
            GLEASON | {"No prostatectomy done": None},
        ),
    },
    "gleason": {
        "Gleason Score Clinical Recode (2010+)": (
            2015,
            {"Gleason score 5": "6 or less", "Gleason score 6": "6 or less"}
            | {"Gleason score 7": "7", "Gleason score 9": "8-10"},
        ),
    },
    "residual_tumor": {
        "Residual Tumor Volume Post Cytoreduction Recode (2010+)": (
            2015,
            {
                "No gross residual tumor nodules": "None",
                "Residual tumor nodule(s) 1 centimeter (cm) or less": "1 cm or less",
                "Residual tumor nodule(s) greater than 1 cm": "More than 1 cm",
                "No cytoreductive surgery performed": None,
            },
        ),
    },
    "ca125": {"CA-125 Pretreatment Interpretation Recode (2010+)": (2015, INTERPRETED)},
    "afp": {"AFP Pretreatment Interpretation Recode (2010+)": (2015, INTERPRETED)},
    "cea": {
        "CEA Pretreatment Interpretation Recode (2010+)": (
            2015,
            {"CEA positive/elevated": "Elevated", "Borderline": "Borderline"},
        ),
    },
    "fibrosis": {
        "Fibrosis Score Recode (2010+)": (
            2015,
            {
                "Ishak 0-4; No to moderate fibrosis; METAVIR F0-F3; Batt-Ludwig 0-3": "Ishak 0-4",
                "Ishak 5-6; Advanced/severe fibrosis; METAVIR F4; Batt-Ludwig 4; Cirrhosis": (
                    "Ishak 5-6"
                ),
            },
        ),
    },
    "perineural_invasion": {
        "Perineural Invasion Recode (2010+)": (
            2015,
            {
                "Perineural invasion not identified/not present": "No",
                "Perineural invasion identified/present": "Yes",
            },
        ),
    },
    "tumor_deposits": {
        "Tumor Deposits Recode (2010+)": (
            2015,
            {
                "No tumor deposits": "No",
                "81 or more Tumor Deposits": "Yes",
                "Tumor Deposits identified, number unknown": "Yes",
                "Not documented/assessed; Indeterminate; No mention in path report; No resection": (
                    None
                ),
            },
        ),
    },
    "lymph_vascular_invasion": {
        "Lymph-vascular Invasion (2004+ varying by schema)": (
            2015,
            {
                "Lymph-vascular Invasion Not Present (absent)/Not Identified": "No",
                "Lymph-vascular Invasion Present/Identified": "Yes",
                "Unknown/Indeterminate": None,
            },
        ),
    },
    "breslow": {"Breslow Thickness Recode (2010+)": (2015, {"Blank(s)": None})},
    "ulceration": {
        "Ulceration Recode (2010+)": (2015, {"Ulceration identified/present": "Yes"}),
    },
}
# what a field's pattern stands for, and so does not list
CODES = {
    "age": {"00 years": 0, "18 years": 18, "84 years": 84},
    "age_85": {"00 years": 0, "18 years": 18, "84 years": 84},
    "year": {"1999": 1999, "2023": 2023},
    "primary_site": {"501": "C501", "C340": "C340", "C34.1-Upper lobe, lung": "C341"},
    "histology": {"8140": "8140", "9823": "9823"},
    "tumor_size": {"001": 1, "988": 988},
    "cs_tumor_size": {"016": 16, "000": None, "990": None, "995": None, "888": None, "999": None},
    "eod10_size": {"001": None, "002": None, "003": 3, "250": 250, "999": None},
    "tumor_size_recode": {"016": 16},
    "regional_nodes_examined": {"00": 0, "12": 12, "90": 90, "95": None, "98": None, "99": None},
    "regional_nodes_positive": {"00": 0, "03": 3, "95": None, "97": None, "98": None, "99": None},
    "survival_months": {"0000": 0, "0059": 59, "9999": None},
    "days_to_treatment": {"0": 0, "045": 45},
    "psa_recode": {"6.6": 6.6},
    "breslow": {"0.7": 0.7},
    "tumor_deposits": {"00": "No", "03": "Yes"},
    "surgery_1998_2022": {"00": "No", "10": "Yes", "30": "Yes", "90": "Yes", "98": None}
    | {"99": None, "0": "No"},
    "surgery_2023": {"A000": "No", "A300": "Yes", "B100": "Yes", "A900": "Yes", "A990": None},
}
SURGERY_CODES = {
    "surgery_1998_2022": {"00": "00", "30": "30", "90": "90", "99": None},
    "surgery_2023": {"A000": "A000", "A300": "A300", "A990": None},
}
CHECKED = [
    (name, column, year, labels)
    for name, columns in EXPECTED.items()
    for column, (year, labels) in columns.items()
]


def sources(name: str) -> list[str]:
    """List the fields that a variable of the catalogue comes from, by canonical name."""
    declaration = READY[name]
    if declaration.cases:
        names = [of for condition in declaration.cases.values() for of in names_in(condition)]
    else:
        names = [era.of for era in declaration.eras]
    found = []
    for of in dict.fromkeys(names):
        inner = of in READY and of != name
        found += sources(of) if inner else [canonical(of) or of]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize(
    ("name", "column", "year", "labels"), CHECKED, ids=[f"{n}: {c}" for n, c, *_ in CHECKED]
)
def test_levels_in_every_spelling(name, column, year, labels):
    field = FIELDS[identify_field(column)[0]]
    assert set(labels) <= set(field.labels), "a label that the field table does not list"
    codes = SURGERY_CODES if name == "surgery_code" else CODES
    labels = labels | codes.get(field.name, {})
    for spelling in field.spellings:
        columns = {spelling: [*labels]}
        if field.name != "year":
            columns["Year of diagnosis"] = [str(year)] * len(labels)
        if field.name == "grade_clinical":
            columns["Grade Pathological (2018+)"] = columns[spelling]
        assert told(study_of(columns).values_of(name)) == list(labels.values()), spelling


def test_every_source_of_every_variable_is_checked():
    for name in CATALOGUE.keys() - DERIVED:
        fields = {identify_field(column)[0] for column in EXPECTED[name]}
        if name == "stage":  # follows stage_group
            continue
        beside = {"grade_pathological"} | {
            f for of in DERIVED for f in sources(of) if name == "subtype"
        }
        if name == "race_3":
            beside |= {"race_ethnicity"}
        if name == "gleason":
            beside |= {"gleason_pathological"}
        assert set(sources(name)) <= fields | beside, name


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_listed_label_has_its_place(name):
    for field in map(FIELDS.__getitem__, sources(name)):
        labels = [label for label in field.labels if not label.startswith("~")]
        year = str(max(min(field.years or [2015]), 1988))
        columns = {field.name: labels}
        if field.name != "year":
            columns["year"] = [year] * len(labels)
        columns |= {of: [None] * len(labels) for of in sources(name) if of not in columns}
        values = study_of(columns).values_of(name)
        lost = [label for label, code in zip(labels, values.codes, strict=True) if code == UNPLACED]
        assert not lost, field.name


@pytest.mark.parametrize("name", CATALOGUE)
def test_years_of_eras_overlap_only_where_one_stands_in_for_another(name):
    stands_in = {
        *("age", "race", "race_3", "er", "pr", "her2", "subtype", "psa", "gleason_score"),
        *("surgery", "tumor_size", "summary_stage", "grade_2018"),
        *("t_stage", "n_stage", "m_stage", "stage_group"),
    }
    if name in stands_in:
        return
    eras = READY[name].eras
    for before, after in itertools.combinations(eras, 2):
        years = [
            era.years or FIELDS[era.of if era.of in FIELDS else canonical(era.of)].years or {2015}
            for era in (before, after)
        ]
        assert not set(years[0]) & set(years[1])


@pytest.mark.parametrize("name", CATALOGUE)
def test_an_entry_is_readable(name):
    entry = CATALOGUE[name]
    assert entry.note and entry.source and entry.declaration.label
    if name in FIELDS:  # it is that field as it is, or hides it on purpose
        assert name in sources(name)
    declaration = entry.declaration
    levels = [level for era in declaration.eras for level in era.grouping.names]
    for level in [*levels, *declaration.cases]:
        assert name in AS_SEER or ("," not in level and len(level) <= 22), level


def test_the_first_era_whose_cell_is_filled_speaks():
    columns = {
        "Year of diagnosis": ["2012", "2012", "2006", "2016", "2020", "1999"],
        "Derived AJCC T, 7th ed (2010-2015)": ["T1a", "Blank(s)"] + [None] * 4,
        "Derived AJCC T, 6th ed (2004-2015)": ["T3", "T2", "T4d", None, None, None],
        "Derived SEER Combined T (2016+)": [None] * 3 + ["p1MI", None, None],
        "Derived EOD 2018 T (2018+)": [None] * 4 + ["TX", None],
        "Breast - Adjusted AJCC 6th T (1988-2015)": ["T4"] * 3 + [None, None, "T1mic"],
    }
    study = study_of(columns)
    assert told(study.values_of("t_stage")) == ["T1a", "T2", "T4d", "T1mi", None, "T1mi"]
    condition = read_condition(read_study_file("{t_stage: [T1*, TX]}", "f"), "c")
    assert isinstance(condition, All)
    assert judge(condition, study.values_of).tolist() == [2, 0, 0, 2, 2, 2]


def test_surgery_of_2023_is_in_another_column():
    columns = {
        "Year of diagnosis": ["2022", "2023", "2023", "2023", "1995"],
        "RX Summ--Surg Prim Site (1998-2022)": ["00", "Blank(s)", "Blank(s)", "Blank(s)", None],
        "RX Summ--Surg Prim Site 2023 (2023+)": ["Blank(s)", "A300", "A000", "A990", None],
        "Reason no cancer-directed surgery": ["Surgery performed"] * 5,
    }
    study = study_of(columns)
    assert told(study.values_of("surgery")) == ["No", "Yes", "No", None, "Yes"]
    assert told(study.values_of("surgery_code")) == ["00", "A300", "A000", None, None]


def test_the_higher_of_clinical_and_pathological_grade():
    pairs = [("1", "3"), ("9", "2"), ("9", "9"), ("D", "L"), ("A", "Blank(s)"), ("B", "C")]
    expected = ["3", "2", None, "L", "A", "C"]
    columns = {
        "Year of diagnosis": ["2020"] * len(pairs),
        "Grade Clinical (2018+)": [clinical for clinical, _ in pairs],
        "Grade Pathological (2018+)": [pathological for _, pathological in pairs],
    }
    assert told(study_of(columns).values_of("grade_2018")) == expected
    assert told(study_of(columns).values_of("grade")) == ["III", "II", None, "I", "I", "III"]


def test_subtype_from_receptors():
    receptors = list(itertools.product(["Positive", "Negative", "Unknown"], repeat=3))
    columns = {
        "Year of diagnosis": ["2015"] * len(receptors),
        **dict(
            zip(
                (
                    "ER Status Recode Breast Cancer (1990+)",
                    "PR Status Recode Breast Cancer (1990+)",
                    "Derived HER2 Recode (2010+)",
                ),
                map(list, zip(*receptors, strict=True)),
                strict=True,
            )
        ),
    }

    def expected(er, pr, her2):
        hr = "+" if "Positive" in (er, pr) else "-" if (er, pr) == ("Negative",) * 2 else None
        sign = {"Positive": "+", "Negative": "-"}.get(her2)
        return f"HR{hr}/HER2{sign}" if hr and sign else None

    found = told(study_of(columns).values_of("subtype"))
    assert found == [expected(*three) for three in receptors]
