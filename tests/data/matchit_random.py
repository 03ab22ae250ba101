"""Random matching problems full of ties, solved by MatchIt and by `seermatch.matching.nearest`.

``R_LIBS=... PYTHONPATH=workflow/scripts python tests/data/matchit_random.py`` writes
``matchit_4.7.2_random.json`` anew.
"""

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from seermatch.errors import StudyError
from seermatch.matching.nearest import match
from seermatch.matching.tie_rules import digests

VERSION = "4.7.2"
STORED = Path(__file__).with_name(f"matchit_{VERSION}_random.json")
ORDERS = ("largest", "smallest", "data", "random")


def draw_problem(seed, largest):
    """Scores with ties, groups of any size but a single exposed patient, blocks in half of them."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(8, largest + 1))
    score = rng.integers(-5, 6, n) / 7.0
    kind = seed % 4
    if kind == 1:  # equally far to both sides, up to rounding
        score = 0.1 + 0.3 * rng.integers(-3, 4, n) + 1e-3 * rng.integers(0, 2, n)
    elif kind == 2:  # neighboring doubles
        score = np.where(rng.random(n) < 0.3, np.nextafter(score, np.inf), score)
    elif kind == 3:
        score = rng.normal(size=n).round(3)
    exposed = (rng.random(n) < rng.choice([0.1, 0.2, 0.4, 0.7])).astype(int)
    exposed[:3] = 1, 0, 1
    blocks = rng.integers(0, rng.integers(2, 6), n) if rng.random() < 0.5 else np.array([], int)
    return {
        "score": score.tolist(),
        "exposed": exposed.tolist(),
        "exact": blocks.tolist(),
        "ratio": int(rng.integers(1, 5)),
        "caliper": [None, 0.05, 0.2, 1.0][rng.integers(4)],
        "order": ORDERS[seed // 4 % 4],
        "seed": seed,
    }


def version_of_matchit():
    """Version of R's MatchIt, or an empty string."""
    call = "cat(tryCatch(as.character(packageVersion('MatchIt')), error = function(e) ''))"
    try:
        done = subprocess.run(["Rscript", "-e", call], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()


def ask_matchit(problems):
    """Pairs and sequences of MatchIt, rows from 1."""
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder) / "problems.json", Path(folder) / "answers.json"
        asked.write_text(json.dumps(problems), encoding="utf-8")
        program = Path(__file__).with_suffix(".R")
        subprocess.run(["Rscript", program, asked, answered], check=True)
        found = json.loads(answered.read_text(encoding="utf-8"))
    assert found["version"] == VERSION
    return found["answers"]


def their_pairs(answer):
    """(exposed, control) of each pair by exposed row and round, rows from 1."""
    return list(zip(answer["exposed"], answer["control"], strict=True))


def our_pairs(problem, answer):
    """The same of `match`; R's random order is given by patient numbers with hashes in it."""
    n = len(problem["score"])
    ids = sorted((f"{i:08d}" for i in range(n)), key=lambda one: digests(1, [one]))
    first = [row - 1 for row in answer["sequence"]]
    rows = first + [row for row in range(n) if row not in first]
    ids = [one for _, one in sorted(zip(rows, ids, strict=True))]
    try:
        m = match(
            problem["score"],
            problem["exposed"],
            ratio=problem["ratio"],
            caliper=problem["caliper"],
            order=problem["order"],
            ties="file_order",
            seed=1,
            patient_id=ids,
            exact=problem["exact"] or None,
        )
    except StudyError as error:
        assert "has a reference patient within the caliper" in str(error)
        return []
    pairs = zip(m.exposed_index.tolist(), m.round.tolist(), m.control_index.tolist(), strict=True)
    return [(t + 1, c + 1) for t, _, c in sorted(pairs)]


if __name__ == "__main__":
    problems = [draw_problem(seed, largest=60) for seed in range(200)]
    lines = (
        json.dumps(problem | {"matchit": answer})
        for problem, answer in zip(problems, ask_matchit(problems), strict=True)
    )
    STORED.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
