"""Write random patients for the kernels: ``python kernel_data.py DATA ROWS EXPOSED SEED``.

DATA.csv is for R and DATA.npy, with the same whole numbers, for Python.
"""

import sys

import numpy as np
import polars as pl
from kernels import COLUMNS

# log odds of exposure, and log hazard of the cause of interest
EFFECTS = {
    "age": (-0.005, 0.01),
    "size": (0.005, 0.02),
    "histology": (0.1, -0.2),
    "grade": (0.2, 0.5),
    "er": (-0.1, -0.6),
    "pr": (0.0, -0.3),
    "her2": (0.1, 0.1),
    "t": (0.3, 0.6),
    "n": (0.4, 0.7),
    "year": (0.02, 0.0),
}
PREVALENCE = {"histology": 0.2, "grade": 0.3, "er": 0.85, "her2": 0.13, "t": 0.07, "n": 0.26}


def draw(n: int, n_exposed: int, seed: int) -> pl.DataFrame:
    """Draw patients like those of the study: whole months with ties, few of whom die.

    Months begin at 1, because `crr` takes another limit of the censoring distribution at 0.
    """
    rng = np.random.default_rng(seed)
    columns = {name: (rng.random(n) < share).astype(int) for name, share in PREVALENCE.items()}
    columns["age"] = np.clip(rng.normal(62, 13, n), 18, 89).astype(int)
    columns["size"] = np.clip(rng.lognormal(2.8, 0.7, n), 1, 300).astype(int)
    columns["pr"] = ((rng.random(n) < 0.87) & (columns["er"] == 1)).astype(int)
    columns["year"] = rng.integers(0, 5, n)
    X = np.column_stack([columns[name] for name in EFFECTS])
    odds, hazard = (np.array(column) for column in zip(*EFFECTS.values(), strict=True))
    # the largest of the log odds with Gumbel noise: sampling by odds without replacement
    group = np.zeros(n, dtype=int)
    group[np.argsort(X @ odds + rng.gumbel(size=n))[-n_exposed:]] = 1
    log_hazard = (X - X.mean(axis=0)) @ hazard + 0.2 * group
    cancer = rng.exponential(np.exp(-log_hazard) / 0.0006)
    other = rng.exponential(np.exp(-0.07 * (columns["age"] - 62)) / 0.0008)
    censored = rng.uniform(0, 60, n)
    end = np.minimum(np.minimum(cancer, other), censored)
    event = np.select([end == censored, end == cancer], [0, 1], 2)
    columns |= {"group": group, "time": np.floor(end).astype(int) + 1, "event": event}
    return pl.DataFrame({"patient_id": rng.permutation(n)} | columns).select(COLUMNS)


if __name__ == "__main__":
    path, *numbers = sys.argv[1:]
    frame = draw(*map(int, numbers))
    frame.write_csv(f"{path}.csv")
    np.save(f"{path}.npy", frame.to_numpy().astype(np.int32).T)
