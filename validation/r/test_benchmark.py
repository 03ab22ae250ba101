"""A small run of what `make benchmark` measures, both sides of which must agree."""

import argparse
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def peers_with_r(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "validation/speed"))
    from benchmark import DEBIAN, r_versions

    found = r_versions()
    if missing := [name for name in ("R", *DEBIAN) if name not in found]:
        pytest.skip(f"not installed: {', '.join(missing)}")


def test_the_study(tmp_path):
    from study_runs import WORDS, run_pairs

    found = run_pairs(tmp_path, 0.03, 1, seed=1)
    assert set(found) == {"R", *WORDS}
    assert found["nothing"][0].cpu < found["cold"][0].cpu
    assert "Nothing to be done" in found["nothing"][0].output
    assert "match_cohort" in found["dry run, cold"][0].output
    assert (tmp_path / "r/figure4.pdf").stat().st_size > 1000


def test_one_changed_year(tmp_path):
    from study_runs import change_one_year

    assert change_one_year(tmp_path, 0.03, seed=1)["read"] == 1


def test_the_kernels(tmp_path):
    from kernel_runs import LABELS, PEERS, kernels_section, run_kernels

    options = argparse.Namespace(rows=[2000], full=False, seed=1)
    timed = run_kernels(tmp_path, options, {"R", "lifelines"})
    assert [one.kernel for one in timed] == list(LABELS)
    for one in timed:
        expected = {"here"} | ({"R", "lifelines"} & set(PEERS[one.kernel]))
        assert {side for side, lines in one.sides.items() if lines} == expected
        assert all(len(lines) == 3 for lines in one.sides.values())
    facts = dict.fromkeys(("machine", "versions", "matchit", "left_out", "seed"), "")
    assert f"lifelines {timed[2].sides['lifelines'][0]['version']}" in kernels_section(timed, facts)
