"""Does our model of a number keep up with tuned peers?

    python tests/benchmarks/regression.py [--tables diabetes german_credit]
    python tests/benchmarks/regression.py --files concrete.csv:strength

RMSE in 5 folds, the same for each row: the mean, ridge regression (its
penalty by an inner cross-validation), gradient boosting (likewise), and
`aet-keras fit`, with no setting but the target. Ours has to cut its validation
rows off the four training folds. It fails where ours is above ridge, or more
than 2 % above boosting, in the mean of the folds.

Tables: scikit-learn's diabetes (442 rows), the amount of a credit in
german_credit (1000 rows), and the price of what is bought in credit_data
(4454 rows). With `--files` other tables instead, `FILE:TARGET`.
"""

import argparse
import pathlib
import tempfile

import _machine
import keras
import numpy as np
import pandas
from _table_baselines import boosting_search, encoded_cells
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline

from aet_keras import recipes, training

MOST_ABOVE_BOOSTING = 1.02
ERROR = "neg_mean_squared_error"
SPLIT = "aet_split"


def _diabetes():
    return load_diabetes(as_frame=True, scaled=False).frame, "target"


def _of_file(path, target):
    def read():
        return pandas.read_csv(path), target

    return read


TABLES = {
    "diabetes": _diabetes,
    "german_credit": _of_file(
        _machine.DATA / "german_credit.csv", "credit_amount"
    ),
    "credit_data": _of_file(_machine.DATA / "credit_data.csv", "Price"),
}


def mean(train, test, target):
    """Returns the RMSE of no model."""
    said = np.full(len(test), train[target].mean())
    return root_mean_squared_error(test[target], said)


def ridge(train, test, target):
    """Returns the RMSE of what most people would start with."""
    search = GridSearchCV(
        make_pipeline(encoded_cells(), Ridge()),
        {"ridge__alpha": [0.01, 0.1, 1, 3, 10, 30, 100, 300, 1000]},
        scoring=ERROR,
        cv=KFold(5, shuffle=True, random_state=0),
    )
    return _error_of(search, train, test, target)


def boosting(train, test, target):
    """Returns the RMSE of tuned gradient boosting."""
    search = boosting_search(
        HistGradientBoostingRegressor(random_state=0),
        scoring=ERROR,
        folds=KFold(4, shuffle=True, random_state=0),
    )
    return _error_of(search, train, test, target)


def _error_of(search, train, test, target):
    search.fit(train.drop(columns=target), train[target])
    said = search.predict(test.drop(columns=target))
    return root_mean_squared_error(test[target], said)


def ours(train, test, target, *, seed):
    """Returns the `rmse` that report.json would have, and the best epoch."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "table.csv"
        parts = [train.assign(**{SPLIT: "train"})]
        parts += [test.assign(**{SPLIT: "test"})]
        pandas.concat(parts).to_csv(path, index=False)
        recipe = recipes.TableRecipe(
            str(path), target, split_column=SPLIT, seed=seed
        )
        dataset = training.table_job.read_rows(recipe)
    keras.utils.set_random_seed(seed)
    model = training.table_job.build_table_model(recipe, dataset)
    run = training.table_job.fit_table_model(model, recipe, dataset)
    said = training.table_encoding.predict(model, dataset.test)[:, 0]
    error = root_mean_squared_error(dataset.test.labels, said)
    return error, run.best_epoch


def in_folds(name):
    """Prints the RMSE of each row in each fold; returns what went wrong."""
    table, target = TABLES[name]()
    table = table.dropna(subset=[target])
    rows = {"mean": [], "ridge": [], "boosting": [], "ours": []}
    folds = KFold(5, shuffle=True, random_state=0)
    for seed, (a, b) in enumerate(folds.split(table)):
        given = table.iloc[a], table.iloc[b], target
        rows["mean"].append(mean(*given))
        rows["ridge"].append(ridge(*given))
        rows["boosting"].append(boosting(*given))
        figure, best = ours(*given, seed=seed)
        rows["ours"].append(figure)
        print(f"{name} fold {seed}: best epoch {best}", end="; ")
        print({k: round(v[-1], 3) for k, v in rows.items()}, flush=True)
    means = {row: float(np.mean(rows[row])) for row in rows}
    print(f"\n{name}, {len(table)} rows, target {target}: mean RMSE of 5 folds")
    for row, figure in means.items():
        print(f"  {row:8} {figure:9.3f}{_beside(rows, row)}")
    print(flush=True)
    wrong = []
    if means["ours"] > means["ridge"]:
        wrong.append(f"{name}: above ridge")
    if means["ours"] > MOST_ABOVE_BOOSTING * means["boosting"]:
        wrong.append(f"{name}: more than 2 % above boosting")
    return wrong


def _beside(rows, row):
    if row == "ours":
        return ""
    part = np.divide(rows["ours"], rows[row]) - 1
    error = part.std(ddof=1) / np.sqrt(len(part))
    return f"   ours {part.mean():+.2%} (standard error {error:.2%})"


def main():
    """Runs the tables that were asked for, and fails where a claim does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--tables", nargs="+", choices=TABLES, default=list(TABLES)
    )
    parser.add_argument("--files", nargs="+", metavar="FILE:TARGET")
    args = parser.parse_args()
    if args.files:
        given = dict(each.rsplit(":", 1) for each in args.files)
        TABLES.update({path: _of_file(path, given[path]) for path in given})
        args.tables = list(given)
    print(_machine.describe(), flush=True)
    wrong = [each for name in args.tables for each in in_folds(name)]
    print("; ".join(wrong) or "all claims hold")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
