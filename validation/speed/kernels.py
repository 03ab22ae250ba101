"""Time one estimator of this library, or of a Python peer, inside one process.

    python kernels.py SIDE NAME DATA.npy SECONDS

prints a line of JSON: seconds of each repeat, peak memory of the process in MB, the version, and an
answer that is compared with the other sides' answers. Data are read, and functions called once on a
few rows, before the clock starts.
"""

import json
import statistics
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "workflow/scripts"))
# rows of the data file
COLUMNS = ["patient_id", "time", "event", "group"]
COVARIATES = ["age", "size", "histology", "grade", "er", "pr", "her2", "t", "n", "year"]
COLUMNS += COVARIATES


def _ours_fine_gray(d):
    from seermatch.survival.event_times import EventTimes
    from seermatch.survival.fine_gray import fit_fine_gray

    def fit(d):
        return fit_fine_gray(EventTimes(d["time"], d["event"]), d["X"])

    return fit, lambda fit: {"coef": fit.coef.tolist(), "se": fit.se().tolist()}


def _ours_incidence(d):
    from seermatch.survival.event_times import EventTimes
    from seermatch.survival.gray import gray_test
    from seermatch.survival.incidence import incidence_by_group

    def fit(d):
        data = EventTimes(d["time"], d["event"])
        tests = [gray_test(data, d["group"], cause=cause) for cause in (1, 2)]
        curves = incidence_by_group(data, d["group"], {0: "0", 1: "1"}, ("1", "2"))
        return tests, curves

    def answer(result):
        tests, curves = result
        last = curves.groupby(["cause", "group"], observed=True)["estimate"].last()
        return {"test": [test.statistic for test in tests], "last": sorted(last.tolist())}

    return fit, answer


def _ours_survival(d):
    from seermatch.survival.event_times import EventTimes
    from seermatch.survival.kaplan_meier import kaplan_meier, logrank_test

    def fit(d):
        data = EventTimes(d["time"], d["event"]).of()
        curves = [kaplan_meier(data.take(d["group"] == code)) for code in (0, 1)]
        return logrank_test(data, d["group"]), curves

    def answer(result):
        test, curves = result
        last = [curve["estimate"].iloc[-1] for curve in curves]
        return {"test": [float(test.statistic)], "last": sorted(last)}

    return fit, answer


def _ours_cox(d):
    from seermatch.survival.cox import fit_cox
    from seermatch.survival.event_times import EventTimes

    def fit(d):
        return fit_cox(EventTimes(d["time"], d["event"]), d["X"])

    return fit, lambda fit: {"coef": fit.coef.tolist(), "se": fit.se().tolist()}


def _ours_match(d):
    import pandas as pd
    from seermatch.matching.nearest import match
    from seermatch.matching.propensity import estimate_propensity

    def fit(d):
        frame = pd.DataFrame(d["X"][:, :-1], columns=COVARIATES).assign(group=d["group"])
        score = estimate_propensity(frame, COVARIATES[:-1]).linear_predictor
        return score, match(score, d["group"] == 1, patient_id=d["patient_id"])

    def answer(result):
        score, matched = result
        return {"score": [score.mean(), score.std()], "controls": [matched.n_controls]}

    return fit, answer


def _comprisk_fine_gray(d, robust=True):
    from comprisk import FineGrayRegression

    def fit(d):
        model = FineGrayRegression(robust_se=robust)
        return model.fit(d["X"], time=d["time"], event=d["event"])

    return fit, lambda fit: {"coef": fit.coef_.tolist(), "se": fit.se_.tolist()}


def _comprisk_incidence(d):
    from comprisk import gray_test

    def fit(d):
        return [gray_test(d["time"], d["event"], d["group"], cause=cause) for cause in (1, 2)]

    return fit, lambda tests: {"test": [float(test.stat) for test in tests]}


def _lifelines_survival(d):
    from lifelines import KaplanMeierFitter
    from lifelines.statistics import logrank_test

    def fit(d):
        dead, one = d["event"] > 0, d["group"] == 1
        for rows in (~one, one):
            KaplanMeierFitter().fit(d["time"][rows], dead[rows])
        return logrank_test(d["time"][~one], d["time"][one], dead[~one], dead[one])

    return fit, lambda test: {"test": [float(test.test_statistic)]}


def _lifelines_cox(d):
    import pandas as pd
    from lifelines import CoxPHFitter

    def fit(d):
        frame = pd.DataFrame(d["X"], columns=[*COVARIATES, "group"])
        frame = frame.assign(time=d["time"], dead=d["event"] > 0)
        return CoxPHFitter().fit(frame, "time", "dead")

    return fit, lambda fit: {
        "coef": fit.params_.tolist(),
        "se": fit.standard_errors_.tolist(),
    }


KERNELS = {
    ("here", "fine_gray"): _ours_fine_gray,
    ("here", "incidence"): _ours_incidence,
    ("here", "survival"): _ours_survival,
    ("here", "cox"): _ours_cox,
    ("here", "match"): _ours_match,
    ("comprisk", "fine_gray"): _comprisk_fine_gray,
    ("comprisk", "incidence"): _comprisk_incidence,
    ("lifelines", "survival"): _lifelines_survival,
    ("lifelines", "cox"): _lifelines_cox,
}


def read_data(path: str, name: str) -> dict[str, np.ndarray]:
    """Read the columns of a data file, which holds whole numbers only."""
    columns = dict(zip(COLUMNS, np.load(path), strict=True))
    data = {key: columns[key].astype(int) for key in ("time", "event", "group")}
    data["X"] = np.column_stack([columns[key] for key in (*COVARIATES, "group")]).astype(float)
    if name == "match":
        numbers = columns["patient_id"].tolist()
        data["patient_id"] = np.array([f"{number:08d}" for number in numbers], dtype=object)
    return data


def peak_megabytes() -> float:
    """Give the largest resident set of this process so far, of this program alone."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024 / 1e6
    return float("nan")


def main(side: str, name: str, path: str, budget: float):
    """Repeat the call until the budget of seconds is spent, five times at most."""
    warnings.simplefilter("ignore")
    data = read_data(path, name)
    fit, answer = KERNELS[side, name](data)
    few = np.r_[np.flatnonzero(data["group"])[:500], np.flatnonzero(data["group"] == 0)[:1500]]
    fit({key: values[few] for key, values in data.items()})  # imports in functions, compilation
    seconds, began = [], time.perf_counter()
    while len(seconds) < 5 and (not seconds or time.perf_counter() - began < budget):
        started = time.perf_counter()
        result = fit(data)
        seconds.append(time.perf_counter() - started)
    line = {
        "seconds": statistics.median(seconds),
        "memory": peak_megabytes(),
        "version": version(side) if side != "here" else "",
        "answer": answer(result),
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))
