"""Firth's Cox regression of firthmodels on matched.csv, death of any cause; writes firth_cox.json.

Run in an environment of its own: pip install firthmodels==0.8.2 pandas; python firth_cox.py
The last column has no deaths (3 patients who are ER negative and PR positive).
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from firthmodels import FirthCoxPH

frame = pd.read_csv("matched.csv")
columns = ["age", "size", "grade3", "n13", "group"]
X = np.column_stack([frame[columns], (frame["er"] == 0) & (frame["pr"] == 1)]).astype(float)
model = FirthCoxPH(backend="numpy", max_iter=500, gtol=1e-7, xtol=1e-9, max_halfstep=25)
model.fit(X, (frame["status"].to_numpy() > 0, frame["time"].to_numpy(dtype=float)))
interval = model.conf_int(method="pl", max_iter=500, tol=1e-9)
model.lrt()
result = {
    "origin": f"firthmodels {version('firthmodels')} on matched.csv",
    "columns": [*columns, "er0_pr1"],
    "coef": model.coef_.tolist(),
    "se": model.bse_.tolist(),
    "loglik": float(model.loglik_),
    "conf_low": interval[:, 0].tolist(),
    "conf_high": interval[:, 1].tolist(),
    "p_value": model.lrt_pvalues_.tolist(),
}
Path("firth_cox.json").write_text(json.dumps(result, indent=1) + "\n")
