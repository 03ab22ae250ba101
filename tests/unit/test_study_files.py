"""Study files of the gallery and of published studies: read, resolved, and their cohorts built."""

import dataclasses
from pathlib import Path
from typing import get_type_hints

import numpy as np
import polars as pl
import pytest
from made_up_records import labels_of, made_up_records
from seermatch.cohort.selection import select_cohort
from seermatch.seer.fields import seer_fields
from seermatch.settings.study import Study
from seermatch.variables.catalogue import canonical, catalogue, field_facts
from seermatch.variables.derivation import Derivation
from seermatch.variables.names import refuse_years, resolve
from seermatch.variables.study import MATCHING, SECTIONS, read_study

ROOT = Path(__file__).parents[2]
GALLERY = ("lung", "colon", "kidney", "prostate", "thyroid", "bladder", "liver", "cervix")
FILES = [
    *(ROOT / "tests" / "studies" / "gallery" / f"{name}.yaml" for name in GALLERY),
    *sorted((ROOT / "tests" / "studies").glob("*.yaml")),
]
FIELD_STUDIES = {
    *("02", "04", "05", "06", "07", "10", "11", "13", "15", "16", "18", "19", "22", "23"),
    *("25", "26", "29", "30", "32", "33", "36", "37", "39"),
}


def read(path: Path):
    return read_study(
        path.read_bytes(), path.name, lambda other: (path.parent / other).read_bytes()
    )


def catalogue_declared():
    return {name: entry.declaration for name, entry in catalogue().items()}


def resolved(study):
    return resolve(study, catalogue_declared(), field_facts(), canonical)


def test_every_published_study_has_a_file():
    numbers = {path.name[:2] for path in FILES if path.name[:2].isdigit()}
    assert numbers == FIELD_STUDIES  # study 1 is paper.yaml


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_names_years_and_causes_are_known(path):
    study = read(path)
    resolved(study)

    def years_of(name):
        known = name if name in field_facts() else canonical(name)
        return field_facts()[known].years if known else None

    refuse_years(study, catalogue_declared(), years_of)
    assert set(study.outcome.causes) <= set(field_facts()["cod_site"].labels)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_cohort_can_be_built(path):
    study = read(path)
    declared, facts, columns = catalogue_declared(), field_facts(), resolved(study)
    records = made_up_records(study, declared, facts, canonical, columns, seed=len(path.stem))
    derivation = Derivation(records, study.variables, declared, facts, canonical)
    found = select_cohort(derivation, study)
    assert np.bincount(found.exposed, minlength=2).min() >= 10
    assert found.flow["remaining"][-1] == len(found.rows)
    for name in (*study.matching.covariates, *study.subgroups, *study.matching.exact):
        values = derivation.values_of(name)
        assert values.known[found.rows].all()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_level_takes_a_label_of_the_field_table(path):
    study = read(path)
    declared, facts, columns = catalogue_declared(), field_facts(), resolved(study)
    for name, variable in study.variables.items():
        sources = [study.variables.get(era.of) for era in variable.eras]
        if not sources or any(of is not None and not of.eras for of in sources):
            continue  # cases and counts join fields; the cohorts try them
        records = every_label(columns[name], study.cohort.years)
        derivation = Derivation(records, study.variables, declared, facts, canonical)
        values = derivation.values_of(name)
        reached = {label for i, label in enumerate(values.labels) if (values.codes == i).any()}
        assert set(values.labels) - reached <= {variable.unknown_is}, name


def every_label(fields, years) -> pl.DataFrame:
    """Make records that hold each label of each field once, the other fields blank."""
    blocks = []
    for field in fields:
        labels = [*labels_of(field)[0], *labels_of(field)[1]]
        covered = seer_fields()[field].years
        year = max(years if covered is None else years & covered, default=None)
        if year is not None and field != "year":
            blocks.append(pl.DataFrame({field: labels, "year": [str(year)] * len(labels)}))
    blocks.append(pl.DataFrame({"year": sorted(map(str, years))}))
    records = pl.concat(blocks, how="diagonal").fill_null("Blank(s)")
    return records.with_columns(**{f: pl.lit("Blank(s)") for f in set(fields) - {*records.columns}})


@pytest.mark.parametrize("name", ["bladder", "colon"])
def test_order_and_yearly_files_change_nothing(name):
    study = read(ROOT / "tests" / "studies" / "gallery" / f"{name}.yaml")
    declared, facts, columns = catalogue_declared(), field_facts(), resolved(study)
    records = made_up_records(study, declared, facts, canonical, columns, seed=1)
    yearly = [
        part.sample(fraction=1, shuffle=True, seed=3) for part in records.partition_by("year")
    ]
    yearly = [part.with_columns(export=pl.lit(str(i))) for i, part in enumerate(yearly)]
    shuffled = pl.concat(yearly).select(sorted([*records.columns, "export"], reverse=True))
    found = []
    for each in (records, shuffled, records.cast(pl.Categorical)):
        derivation = Derivation(each, study.variables, declared, facts, canonical)
        selected = select_cohort(derivation, study)
        patients = each["patient_id"].gather(selected.rows).cast(pl.String).to_list()
        found.append((patients, selected.exposed.tolist(), selected.flow.rows()))
    assert found[0] == found[1] == found[2]


def test_the_sections_handed_on_have_the_keys_that_are_typed():
    moved = {"matching": set(MATCHING), "sensitivity": {"largest_size"}}  # which is `cap`
    for key, kind in get_type_hints(Study).items():
        typed = {field.name for field in dataclasses.fields(kind)} if key in SECTIONS else set()
        if SECTIONS.get(key) is not None:
            assert typed - moved.get(key, set()) <= set(SECTIONS[key]), key
