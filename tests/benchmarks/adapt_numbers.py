"""Is a model of a number, or of tags, better after `adapt` than by hand?

    python tests/benchmarks/adapt_numbers.py [--seeds 0 1 2 3 4]
        [--parts numbers tags useless] [--tables diabetes ...] [--labels 100]

Each row is a table of which some rows are old, and others new: the model of
`aet-keras fit` on old ones meets up to 300 new ones, of which `--labels` have a
label. Printed are the mean absolute error (of tags the mean F1 of a row) of
old test rows before and after, and of the other new rows: of the model as it
was, of ridge or logistic regressions on the labelled new rows alone, of the
same on new and old rows (both tuned by 5 folds of the new rows: the penalty,
and how much new rows weigh), and of `adapt` with the old rows. The last line of
a part has the means of all seeds, as ratios to the model as it was, and the
standard error of ours.

- `diabetes`: scikit-learn's; patients above the median age are new.
- `diabetes, made`: the same, and what is new is measured on another scale,
  1.25 times as large and 20 more. This change is made.
- `credit amount`: german_credit; applicants above 33 years are new.
- `price`: credit_data; who has worked for more than 5 years is new.
- `credit`: german_credit; five of its columns are tags (`multilabel.py`), and
  applicants above 33 years are new.
- `credit, made`: the same, and the tag `home` means its contrary. Made.

`useless`: rows drawn as the old ones are, so that there is nothing to adapt
to: how many of 20 draws of each of two tables are called better. More than 2
of 40 fail.
"""

import argparse
import pathlib
import tempfile

import _machine
import keras
import numpy as np
import pandas
from _table_baselines import encoded_cells
from multilabel import write_credit
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold

import aet_keras
from aet_keras import data, recipes, training
from aet_keras.data.table_reading import read_table_rows
from aet_keras.drift.target_kinds import KINDS
from aet_keras.evaluation.tag_thresholds import choose_thresholds
from aet_keras.tasks import table_head, table_model

NEW_ROWS = 300
PENALTIES = (0.1, 1, 10, 100, 1000)
WEIGHTS = (1, 5, 20)  # of a new row, where an old one weighs 1


def diabetes(home, *, is_made=False):
    """Returns the rows, what is predicted, and which rows are new."""
    frame = load_diabetes(as_frame=True, scaled=False).frame
    frame = frame.rename(columns={"target": "progress"})
    is_new = (frame.age > frame.age.median()).to_numpy()
    if is_made:
        wrong = frame.progress * 1.25 + 20
        frame["progress"] = frame.progress.where(~is_new, wrong)
    return frame, ["progress"], is_new


def credit_amount(home):
    """The same of german_credit."""
    frame = pandas.read_csv(_machine.DATA / "german_credit.csv")
    return frame, ["credit_amount"], (frame.age_in_years > 33).to_numpy()


def price(home):
    """The same of credit_data."""
    frame = pandas.read_csv(_machine.DATA / "credit_data.csv")
    frame = frame.dropna(subset=["Price"]).reset_index(drop=True)
    return frame, ["Price"], (frame.Seniority > 5).to_numpy()


def credit_tags(home, *, is_made=False):
    """The same of five tags of german_credit."""
    recipe = write_credit(home)(0, 1)
    frame = pandas.read_csv(recipe.data)
    is_new = (frame.age_in_years > 33).to_numpy()
    if is_made:
        frame["home"] = frame.home.where(~is_new, 1 - frame.home)
    return frame, list(recipe.label_columns), is_new


ROWS = {
    "numbers": {
        "diabetes": diabetes,
        "diabetes, made": lambda home: diabetes(home, is_made=True),
        "credit amount": credit_amount,
        "price": price,
    },
    "tags": {
        "credit": credit_tags,
        "credit, made": lambda home: credit_tags(home, is_made=True),
    },
}


class Case:
    """A model that has learned old rows, and new ones it has not seen."""

    def __init__(self, frame, targets, is_new, home, seed):
        self.targets, self.frame = targets, frame
        is_number = len(targets) == 1
        self.kind = KINDS["number" if is_number else "tags"]
        path = home / "old.csv"
        frame[~is_new].to_csv(path, index=False)
        what = {"target": targets[0]} if is_number else {}
        if not is_number:
            what = {"label_columns": targets}
        recipe = recipes.TableRecipe(str(path), seed=seed, **what)
        job = training.table_job
        keras.utils.set_random_seed(seed)
        dataset = job.read_rows(recipe)
        model = job.build_table_model(recipe, dataset)
        run = job.fit_table_model(model, recipe, dataset)
        self.thresholds = None
        if not is_number:
            held = dataset.validation
            said = training.table_encoding.predict(run.model, held)
            self.thresholds = choose_thresholds(held.labels, said)
        self.dataset, self.model = dataset, run.model
        network = run.model.get_layer(table_model.NETWORK)
        self.headed = table_head.with_one_head(network)
        self.train, self.test = map(self.encoded, (dataset.train, dataset.test))
        self.home = home

    def encoded(self, split):
        """Returns rows as the network takes them, and their labels."""
        labels = split.labels
        is_number = self.kind.name == "number"
        labels = labels.astype("float32" if is_number else "int64")
        return training.table_encoding.encode(self.model, split), labels

    def new(self, frame):
        """Returns rows of a frame likewise."""
        path = self.home / "new.csv"
        frame.drop(columns=self.targets).to_csv(path, index=False)
        x = read_table_rows(path, self.dataset.specification)
        labels = frame[self.targets].to_numpy()
        labels = labels[:, 0] if self.kind.name == "number" else labels
        return self.encoded(data.Split(x, labels, ("",) * len(frame)))

    def figure(self, x, labels, thresholds):
        """Returns what the model is worth on some rows."""
        said = self.headed.predict(x, batch_size=512, verbose=0)
        answers = self.kind.answers(said, thresholds)
        return self.kind.figure(self.kind.errors(answers, labels))

    def adapted(self, new, labels, seed):
        """Returns what `adapt` does with the first labels."""
        is_known = np.arange(len(new[1])) < labels
        unknown = np.nan if self.kind.name == "number" else -1
        given = new[1].copy()
        given[~is_known] = unknown
        return aet_keras.adapt(
            self.headed,
            new[0],
            given,
            old=self.train,
            target_kind=self.kind.name,
            thresholds=self.thresholds,
            seed=seed,
        )


def ridges(penalty, x, y, weights):
    """Returns what answers numbers, by a ridge regression."""
    level = np.average(y, weights=weights)
    spread = np.sqrt(np.average((y - level) ** 2, weights=weights))
    found = Ridge(penalty).fit(x, (y - level) / spread, sample_weight=weights)
    return lambda rows: level + spread * found.predict(rows)


def regressions(penalty, x, y, weights):
    """Returns what answers tags, by a logistic regression each."""
    found = []
    for tag in y.T:
        if tag.min() == tag.max():
            found.append(lambda rows, one=tag[0]: np.full(len(rows), one > 0))
            continue
        model = LogisticRegression(C=1 / penalty, max_iter=1000)
        model.fit(x, tag, sample_weight=weights)
        found.append(lambda rows, model=model: model.predict(rows) > 0)
    return lambda rows: np.stack([each(rows) for each in found], axis=1)


def by_hand(kind, new, old, test):
    """Returns the measure of a tuned linear model; `old` may be `None`."""
    learn = ridges if kind.name == "number" else regressions
    (x, y), count = new, len(new[1])

    def fitted(penalty, weight, rows):
        xs, ys, weights = x[rows], y[rows], np.full(len(rows), float(weight))
        if old is not None:
            xs, ys = np.r_[old[0], xs], np.r_[old[1], ys]
            weights = np.r_[np.ones(len(old[1])), weights]
        return learn(penalty, xs, ys, weights)

    best = None
    for weight in WEIGHTS if old is not None else (1,):
        for penalty in PENALTIES:
            wrong = 0.0
            folds = KFold(5, shuffle=True, random_state=0)
            for fit, held in folds.split(x):
                say = fitted(penalty, weight, fit)
                wrong += kind.errors(say(x[held]), y[held]).sum()
            if best is None or wrong < best[0]:
                best = wrong, penalty, weight
    say = fitted(*best[1:], np.arange(count))
    return kind.figure(kind.errors(say(test[0]), test[1]))


def one_row(make, seed, labels):
    """Returns the figures of one table and seed, and what was kept."""
    with tempfile.TemporaryDirectory() as home:
        home = pathlib.Path(home)
        frame, targets, is_new = make(home)
        case = Case(frame, targets, is_new, home, seed)
        fresh = frame[is_new].sample(frac=1, random_state=seed)
        count = min(NEW_ROWS, len(fresh) // 2 + labels // 2)
        new, test = case.new(fresh[:count]), case.new(fresh[count:])
        cells = encoded_cells().fit(frame.drop(columns=targets))

    def plain(rows):
        x = cells.transform(rows.drop(columns=targets))
        y = rows[targets].to_numpy()
        x = np.asarray(x.todense() if hasattr(x, "todense") else x)
        return x, y[:, 0] if case.kind.name == "number" else y

    few, rest = plain(fresh[:labels]), plain(fresh[count:])
    old = plain(frame[~is_new])
    before = [case.figure(*pair, case.thresholds) for pair in (case.test, test)]
    hand = [by_hand(case.kind, few, each, rest) for each in (None, old)]
    done = case.adapted(new, labels, seed)
    limits = done.thresholds or case.thresholds
    after = [case.figure(*pair, limits) for pair in (case.test, test)]
    what = f"{', '.join(done.kept) or 'nothing'} ({done.verdict.outcome})"
    return before, hand, after, what


def print_rows(part, options):
    """Prints a line a table and seed, and the means."""
    print(
        f"{part:<15} seed  old before, after   new before  by hand: new  "
        "new + old  ours"
    )
    for name, make in ROWS[part].items():
        if name not in (options.tables or [name]):
            continue
        ratios = []
        for seed in options.seeds:
            before, hand, after, what = one_row(make, seed, options.labels)
            told = [before[0], after[0], before[1], *hand, after[1]]
            said = "  ".join(f"{each:>9.5g}" for each in told)
            print(f"{name:<15} {seed:>4}  {said}   {what}", flush=True)
            ratios.append([each / before[1] for each in (*hand, after[1])])
            ratios[-1].append(after[0] / before[0])
        means = np.mean(ratios, axis=0)
        error = np.std(ratios, axis=0, ddof=1) / np.sqrt(len(ratios))
        print(
            f"{name}: new rows by hand {means[0]:.3f} (new), {means[1]:.3f} "
            f"(new + old), ours {means[2]:.3f} +- {error[2]:.3f}; old rows "
            f"{means[3]:.3f} +- {error[3]:.3f} of what it was",
            flush=True,
        )


def useless(options):
    """Returns how many adaptations to nothing are called better, of 40."""
    passed, makers = 0, (diabetes, credit_tags)
    for make in makers:
        for seed in range(20):
            with tempfile.TemporaryDirectory() as home:
                home = pathlib.Path(home)
                frame, targets, _ = make(home)
                random = np.random.default_rng(seed)
                is_new = random.permutation(len(frame)) < len(frame) // 2
                case = Case(frame, targets, is_new, home, seed)
                new = case.new(frame[is_new].sample(frac=1, random_state=seed))
            done = case.adapted(new, options.labels, seed)
            passed += done.verdict.is_better or done.verdict.new.low > 0
    print(f"useless: {passed} of 40 called better on new rows")
    return passed


def main():
    """Prints the parts that are asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument(
        "--parts", nargs="+", default=["numbers", "tags", "useless"]
    )
    parser.add_argument("--tables", nargs="+", default=[])
    parser.add_argument("--labels", type=int, default=100)
    options = parser.parse_args()
    print(_machine.describe(), flush=True)
    for part in options.parts:
        if part != "useless":
            print_rows(part, options)
        elif useless(options) > 2:
            raise SystemExit("more than one in twenty useless changes passed")


if __name__ == "__main__":
    main()
