"""Whom does a credit model flag, and how far do groups lie apart?

Wanted: the gaps that fairlearn counts, with intervals. On German credit, all
1000 applicants, each judged in one of 5 folds by a model that has not seen
them; a missed bad credit costs 5, a false alarm 1.

    python tests/benchmarks/groups.py [--seed 0] [--skip-fairlearn]

Beside it what a user would do next, fairlearn's `ThresholdOptimizer` on the
same probabilities (equalised odds by age, fitted on the other folds), and what
it costs. Data: german_credit in the folder that AET_DATA names.
"""

import argparse
import pathlib
import tempfile

import _machine
import keras
import numpy as np
import pandas
from sklearn.model_selection import StratifiedKFold

from aet_keras import recipes, training
from aet_keras.evaluation.by_group import measure_by_group

CREDIT = _machine.DATA / "german_credit.csv"
TARGET, AGE, SEX = "creditability", "age_in_years", "personal_status_and_sex"
COSTS = (5.0, 1.0)
THRESHOLD = COSTS[1] / sum(COSTS)
SPLIT = "aet_split"


def risks(frame, seed):
    """Returns the risk of each row by a model that has not seen it."""
    found = np.zeros(len(frame))
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    for learned, held in folds.split(frame, frame[TARGET]):
        random = np.random.default_rng(seed)
        validation = random.choice(learned, len(learned) // 6, replace=False)
        split = np.full(len(frame), "train", object)
        split[validation], split[held] = "validation", "test"
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "t.csv"
            frame.assign(**{SPLIT: split}).to_csv(path, index=False)
            found[held] = _fold(str(path), seed)
    return found


def _fold(path, seed):
    recipe = recipes.TableRecipe(
        path, TARGET, positive="bad", split_column=SPLIT, seed=seed
    )
    job = training.table_job
    dataset = job.read_rows(recipe)
    keras.utils.set_random_seed(seed)
    model = job.build_table_model(recipe, dataset)
    run = job.fit_table_model(model, recipe, dataset)
    said = training.table_encoding.predict(run.model, dataset.test)
    return said[:, dataset.specification.positive_index]


def cost(truth, called):
    """Returns the mean cost of a row."""
    missed, alarmed = (truth & ~called).mean(), (~truth & called).mean()
    return COSTS[0] * missed + COSTS[1] * alarmed


def show(truth, called, groups, name):
    """Prints the figures of groups; what is called has the risk 1 or 0."""
    said = np.stack([1 - called, called], axis=1)
    found = measure_by_group(
        truth.astype(int), said, groups, column=name, positive=1
    )
    print(f"by {name}\n{found.to_text()}\n", flush=True)


def optimised(truth, risk, groups, seed):
    """Returns what fairlearn's optimiser calls, each fold by the others."""
    from fairlearn.postprocessing import ThresholdOptimizer
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Known(ClassifierMixin, BaseEstimator):
        """Says the risk that its only feature is."""

        def fit(self, x, y):
            """Has learned already."""
            self.classes_ = np.array([0, 1])
            return self

        def predict(self, x):
            """Calls by the costs."""
            return (np.asarray(x)[:, 0] >= THRESHOLD).astype(int)

        def predict_proba(self, x):
            """Returns both probabilities."""
            risk = np.asarray(x)[:, 0]
            return np.stack([1 - risk, risk], axis=1)

    called = np.zeros(len(truth), bool)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed + 1)
    for learned, held in folds.split(risk, truth):
        made = ThresholdOptimizer(
            estimator=Known().fit(None, None),
            constraints="equalized_odds",
            objective="balanced_accuracy_score",
            prefit=True,
            predict_method="predict_proba",
        )
        made.fit(
            risk[learned, None],
            truth[learned].astype(int),
            sensitive_features=groups[learned],
        )
        called[held] = made.predict(
            risk[held, None],
            sensitive_features=groups[held],
            random_state=seed,
        )
    return called


def main():
    """Prints the groups, and the cost of each way to call."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--skip-fairlearn", action="store_true")
    options = parser.parse_args()
    print(_machine.describe())
    frame = pandas.read_csv(CREDIT)
    truth = (frame[TARGET] == "bad").to_numpy()
    ages = np.where(frame[AGE] <= 25, "at most 25", "above 25")
    sexes = frame[SEX].str.split(":").str[0].str.strip().to_numpy(str)
    risk = risks(frame, options.seed)
    ways = {"ours": risk >= THRESHOLD}
    if not options.skip_fairlearn:
        ways["optimised by age"] = optimised(truth, risk, ages, options.seed)
    for name, called in ways.items():
        print(f"{name}: mean cost {cost(truth, called):.3f}")
        show(truth, called, ages, "age")
        show(truth, called, sexes, "sex")


if __name__ == "__main__":
    main()
