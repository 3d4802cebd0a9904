"""Does `aet-keras fit` take a table of a million rows?

The table is made: three categories (one of up to 2,000 values), a date, a yes
or no, seven numbers with gaps, and what follows from five pairs of columns and
noise: two classes, one of them rare, or (`--target spent`) a number. 15 % of
the rows validate and 15 % test, the same for boosting (scikit-learn's
`HistGradientBoosting*`, which stops early), which is given categories as
numbers.

    python tests/benchmarks/large_table.py [--rows 20000 100000 1000000]
        [--target left | spent]

Prints for each number of rows the seconds of the processor and the peak of
resident memory of the command, and ROC AUC or the root mean squared error on
the test rows, of the model, of boosting and, for a number, of the linear model
that the report has. Seconds of boosting leave the reading out.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import _machine
import numpy as np
import pandas as pd
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.metrics import roc_auc_score, root_mean_squared_error

CITIES, SEED = 2000, 7


def make(count, target):
    """Returns a made table with one target and a column of splits."""
    random = np.random.default_rng(SEED)
    city = random.zipf(1.3, count) % CITIES
    plan, channel = random.integers(0, 5, count), random.integers(0, 12, count)
    age = random.normal(45, 15, count).clip(18, 95).round()
    income = np.exp(random.normal(10, 0.6, count)).round(2)
    tenure = random.exponential(24, count).round(1)
    calls, usage = random.poisson(3, count), random.gamma(2, 30, count).round(3)
    score, active = random.normal(0, 1, count).round(4), random.random(count)
    active = active < 0.7
    days = pd.to_timedelta(random.integers(0, 3650, count), "D")
    of_city = np.random.default_rng(1).normal(0, 0.6, CITIES)[city]
    logit = -4 + of_city + np.array([-0.5, 0, 0.3, 0.8, -0.2])[plan]
    logit += 0.4 * (calls - 3) * (plan == 2) - 0.02 * tenure * (usage > 60)
    logit += 0.5 * score * np.where(active, 1, -1) + 0.3 * np.sin(age / 8)
    logit += np.log(income) / 10
    left = random.random(count) < 1 / (1 + np.exp(-logit))
    spent = (50 + 10 * logit + random.normal(0, 10, count)).round(2)
    rows = {
        "city": np.char.add("city_", city.astype(str)),
        "plan": np.array(["basic", "plus", "pro", "team", "edu"])[plan],
        "channel": np.char.add("channel_", channel.astype(str)),
        "age": age,
        "income": income,
        "tenure": tenure,
        "calls": calls,
        "usage": usage,
        "score": score,
        "active": np.where(active, "yes", "no"),
        "start": (pd.Timestamp("2015-01-01") + days).strftime("%Y-%m-%d"),
        target: np.where(left, "yes", "no") if target == "left" else spent,
    }
    table = pd.DataFrame(rows)
    table.loc[random.random(count) < 0.08, "income"] = np.nan
    table.loc[random.random(count) < 0.03, "channel"] = np.nan
    cuts = np.searchsorted([0.7, 0.85], random.random(count))
    return table.assign(
        aet_split=np.array(["train", "validation", "test"])[cuts]
    )


def fit(folder, target):
    """Runs the command; returns seconds, megabytes and its figures."""
    out = folder / "out"
    command = ["aet-keras", "fit", str(folder / "rows.csv"), "--target", target]
    command += ["--split-column", "aet_split", "--out", str(out), "--quiet"]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} ended with {status}")
    report = json.loads((out / "report.json").read_text())
    if target == "left":
        figures = f"ROC AUC {report['risk']['roc_auc']:.4f}"
    else:
        linear = report["test"]["baselines"]["a linear model"]["rmse"]
        figures = f"RMSE {report['test']['rmse']:.3f}, linear {linear:.3f}"
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, figures


def boost(table, target):
    """Returns seconds, and ROC AUC or the error, of boosting."""
    split = table["aet_split"]
    rows = table.drop(columns=[target, "aet_split"])
    for name in rows.select_dtypes(exclude="number"):
        rows[name] = rows[name].astype("category").cat.codes
    test = (split == "test").to_numpy()
    settings = {"max_iter": 500, "early_stopping": True, "random_state": 0}
    begun = time.process_time()
    if target == "left":
        wanted = (table[target] == "yes").to_numpy()
        model = HistGradientBoostingClassifier(learning_rate=0.05, **settings)
    else:
        wanted = table[target].to_numpy()
        model = HistGradientBoostingRegressor(learning_rate=0.05, **settings)
    model.fit(rows[~test], wanted[~test])
    seconds = time.process_time() - begun
    if target == "left":
        said = model.predict_proba(rows[test])[:, 1]
        return seconds, roc_auc_score(wanted[test], said)
    error = root_mean_squared_error(wanted[test], model.predict(rows[test]))
    return seconds, error


def main():
    """Prints a line for each number of rows."""
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--rows", nargs="+", type=int, default=[20_000, 100_000, 1_000_000]
    )
    parser.add_argument("--target", choices=("left", "spent"), default="left")
    chosen = parser.parse_args()
    print(_machine.describe())
    for count in chosen.rows:
        table = make(count, chosen.target)
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            table.to_csv(folder / "rows.csv", index=False)
            seconds, megabytes, figures = fit(folder, chosen.target)
        others, other = boost(table, chosen.target)
        print(
            f"{count:>9} rows: {seconds:.0f} s, {megabytes:.0f} MB, {figures}; "
            f"boosting {others:.0f} s, {other:.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
