"""The intruder is able: what is only blanked comes out, and what comes out is true."""

from collections import Counter
from functools import cache

import numpy as np
import pytest
from earlier_runs import attack_runs, without_one_record
from hazard_ratios import STATISTIC
from hypothesis import given, settings
from hypothesis import strategies as st
from intruder import attack
from inverted_statistics import DIFFERENCES, TESTS, read_statistics
from knowledge import Knowledge, Solver
from other_tables import QUANTILES, read_other_tables
from printed_counts import read_printed_counts
from private_counts import private_counts
from published import primarily_suppressed, released
from seermatch.disclosure.rule import METHODS, DisclosureRule
from small_studies import make_runs
from small_studies import make_study as draw_study
from words import sentences, unfounded

LIMIT, STUDIES = 5, 6
make_study = cache(draw_study)


@cache
def attacks_on_blanked_cells():
    """Attack studies in which cells below the limit are blanked, and nothing else."""
    found = []
    for seed in range(STUDIES):
        study = make_study(seed)
        tables = primarily_suppressed(study, LIMIT)
        found.append(attack(study, tables, LIMIT, attribute=True))
    return found


def test_every_attack_is_right():
    assert not [leak for found in attacks_on_blanked_cells() for leak in found.unsound]


def test_most_blanked_counts_come_out_exactly():
    found = attacks_on_blanked_cells()
    exact = [leak for one in found for leak in one.leaks if leak.low == leak.high]
    assert all(leak.low == leak.truth for leak in exact)
    assert len(exact) > 0.4 * sum(one.small for one in found)
    assert all(one.leaks for one in found)


@pytest.mark.parametrize(
    "source",
    [
        *("printed counts", "survival curve"),
        *("included and excluded", "events of models", "sizes of analyses"),
        *("sensitivity rows", "repeated matches", "exchanged patients", "distribution of scores"),
        "checks of the exports",
    ],
)
def test_each_attack_recovers_counts_of_its_own(source):
    sources = Counter()
    for found in attacks_on_blanked_cells():
        for leak in found.leaks:
            sources.update([leak.attack])
    assert any(source in name for name in sources), sources


def test_statistics_alone_give_counts_away():
    study = make_study(0)
    tables = primarily_suppressed(study, LIMIT)
    for name in ("comparison", "included"):
        levels = tables[name]["level"] != ""
        blank = {column: tables[name][column].mask(levels) for column in ("n", "percent")}
        tables[name] = tables[name].assign(**blank)
    known, truth = Knowledge(), private_counts(study)
    read_printed_counts(known, tables, False)
    read_statistics(known, tables, False)
    facts = [f for f in known.facts if DIFFERENCES in f.source or TESTS in f.source]
    exact = [f for f in facts if f.low == f.high]
    assert len(exact) > len(facts) / 2
    assert all(sum(truth[name] for name in f.factors) == f.low for f in exact)


def test_hazard_ratios_and_their_errors_give_deaths_away():
    claims = Counter()
    for found in attacks_on_blanked_cells():
        claims.update(found.claims)
    way = "error of a hazard ratio"
    assert claims[way, True] > claims[way, False], claims
    # the ratio of few deaths is Firth's, which is nearer to 1: reckoned from it they are fewer
    assert claims["hazard ratio", True] > 0, claims


def test_tests_of_the_groups_give_deaths_away():
    claims = Counter()
    for found in attacks_on_blanked_cells():
        claims.update(found.claims)
    assert claims[STATISTIC, True] > claims[STATISTIC, False], claims


def test_the_years_of_the_exposed_give_small_years_away():
    """All exposed less those of the other years, and the share that is printed of the year."""
    study = make_study(1)
    tables, known = primarily_suppressed(study, LIMIT), Knowledge()
    truth = private_counts(study)
    read_printed_counts(known, tables, False)
    small = [name for name, n in truth.items() if name[0] == "year" and 0 < n < LIMIT]
    assert small
    solver = Solver(known)
    assert all(solver.interval(name) == (truth[name],) * 2 for name in small)


def test_halves_of_quantiles_tell_of_sizes_that_are_masked():
    study = make_study(0)
    tables = released(study, DisclosureRule(LIMIT))
    blind = tables["followup"]["n"].isna()
    told = []
    for times in (study.tables["followup"], tables["followup"]):
        known, shown = Knowledge(), tables | {"followup": times[blind.to_numpy()]}
        read_other_tables(known, shown, study.ratio, False)
        told.append([fact for fact in known.facts if fact.source == QUANTILES])
    assert len(told[0]) > len(told[1])
    assert not any(("size", "cohort", 1) in fact.factors for fact in told[1])


def test_sentences_say_small_numbers_where_nothing_is_protected():
    said = []
    for seed in range(STUDIES):
        study, rule = make_study(seed), DisclosureRule(0)
        tables = released(study, rule)
        said.append(unfounded(sentences(study, tables, rule), tables, LIMIT))
    assert sum(map(bool, said)) > STUDIES / 2, said


def test_two_releases_of_a_growing_study_give_counts_away_unless_they_are_rounded():
    """As the documentation says: suppression is of one release."""
    runs = make_runs(1, without_one_record)
    told = {
        method: attack_runs(runs[0], runs[1:], DisclosureRule(LIMIT, method), most=1)
        for method in METHODS
    }
    assert told["suppress"]
    assert not told["round"]


# ----- the integer programs ----------------------------------------------------------------------

tables = st.lists(st.integers(0, 6), min_size=4, max_size=6)


@settings(derandomize=True, max_examples=30, deadline=None)
@given(tables, st.data())
def test_intervals_are_those_of_all_tables_that_fit(cells, data):
    """Against every table of two rows that has the printed margins and cells."""
    half = len(cells) // 2
    shown = data.draw(st.lists(st.booleans(), min_size=2 * half, max_size=2 * half))
    table = np.array(cells[: 2 * half]).reshape(2, half)
    known = Knowledge()
    for row in range(2):
        factors = {(row, column): 1.0 for column in range(half)}
        known.know(factors, table[row].sum(), table[row].sum(), "margins")
    for column in range(half):
        factors = {(row, column): 1.0 for row in range(2)}
        known.know(factors, table[:, column].sum(), table[:, column].sum(), "margins")
        for row in range(2):
            if shown[row * half + column]:
                known.equal((row, column), float(table[row, column]), "cells")
    solver = Solver(known)
    totals = table.sum(axis=0)
    first = np.stack(np.meshgrid(*(np.arange(t + 1) for t in totals), indexing="ij"), -1)
    first = first.reshape(-1, half)
    fits = first.sum(axis=1) == table[0].sum()
    for column in range(half):
        for row in range(2):
            values = first[:, column] if row == 0 else totals[column] - first[:, column]
            if shown[row * half + column]:
                fits &= values == table[row, column]
    for column in range(half):
        values = first[fits, column]
        assert solver.interval((0, column)) == (values.min(), values.max())
