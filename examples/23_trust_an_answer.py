r"""How sure is an answer, for whom does the model err, and what would help?

A credit model answers with sets that hold the truth nine times in ten, and its
report compares young with older applicants, and men with women. Then
fairlearn's threshold optimiser evens out whom it flags by age, on one half of
the test rows, and is judged on the other: what that costs is for you to weigh.
German credit (UCI) in the folder that AET_DATA names, or a table of your own:

    python examples/23_trust_an_answer.py
    python examples/23_trust_an_answer.py --table your.csv --target paid \
        --positive no --by "age<=25" --by sex

Takes about 1 minute on 2 cores, and needs `pip install fairlearn` for the last
part.
"""

import argparse
import importlib.util
import os
import pathlib

import numpy as np
import pandas

from aet_keras import recipes, training

folder = pathlib.Path(os.environ.get("AET_DATA", "../shared/data"))
parser = argparse.ArgumentParser()
parser.add_argument("--table", default=folder / "german_credit.csv")
parser.add_argument("--target", default="creditability")
parser.add_argument("--positive", default="bad")
parser.add_argument("--by", action="append", help="COLUMN or COLUMN<=NUMBER")
parser.add_argument("--out", default="saved_models/fair_credit")
parser.add_argument("--smoke", action="store_true", help="seconds, untrained")
args = parser.parse_args()

# Settings.
costs = {"cost_false_negative": 5.0, "cost_false_positive": 1.0}
by = args.by or ["age_in_years<=25", "personal_status_and_sex"]
out = pathlib.Path(args.out)


def made_up():
    """Returns a table for those who have none."""
    random = np.random.default_rng(0)
    age = random.integers(18, 70, 400)
    sex = random.choice(["female", "male"], 400)
    bad = random.random(400) < 0.5 - 0.006 * (age - 18)
    columns = {"age_in_years": age, "personal_status_and_sex": sex}
    return pandas.DataFrame(columns).assign(
        creditability=np.where(bad, "bad", "good")
    )


if args.smoke or not pathlib.Path(args.table).exists():
    print("A table that is made up, because there is none or time is short.")
    table = made_up()
else:
    table = pandas.read_csv(args.table)
out.mkdir(parents=True, exist_ok=True)
table.to_csv(out / "rows.csv", index=False)

recipe = recipes.TableRecipe(
    str(out / "rows.csv"),
    args.target,
    positive=args.positive,
    coverage=0.9,
    report_by=by,
    test_ratio=0.4,
    epochs=1 if args.smoke else 40,
    **costs,
)
run = training.run_recipe(recipe, out)

print(run.report.coverage.to_text())
for each in run.report.groups:
    print(f"\nby {each.column}\n{each.to_text()}")
print(f"\nThe whole story, for people: {run.version / 'card.html'}")


def even_out(risk, truth, young):
    """Prints whom two ways of calling flag, and what they cost."""
    from fairlearn.postprocessing import ThresholdOptimizer
    from sklearn.linear_model import LogisticRegression

    # The model's risk is the only feature of what fairlearn is given.
    odds = np.log(risk / (1 - risk))[:, None]
    optimiser = ThresholdOptimizer(
        estimator=LogisticRegression(class_weight={0: 1, 1: 5}),
        constraints="demographic_parity",
        predict_method="predict_proba",
    )
    half = np.arange(len(truth)) % 2 == 0
    optimiser.fit(odds[half], truth[half], sensitive_features=young[half])
    rest, bad = ~half, truth[~half] == 1
    evened = optimiser.predict(
        odds[rest], sensitive_features=young[rest], random_state=0
    )
    print(f"\nby {by[0]}: flagged below, flagged above, mean cost")
    for name, called in (("ours", risk[rest] >= 1 / 6), ("evened", evened)):
        shares = [called[young[rest] == is_young].mean() for is_young in (1, 0)]
        cost = 5 * (bad & (called == 0)).mean() + (~bad & (called == 1)).mean()
        print(f"{name:8} {shares[0]:.3f} {shares[1]:.3f}  {cost:.3f}")


dataset = training.table_job.read_rows(recipe)
said = training.table_encoding.predict(run.model, dataset.test)
positive = dataset.specification.positive_index
column, _, edge = by[0].partition("<=")
if edge and importlib.util.find_spec("fairlearn"):
    even_out(
        said[:, positive].astype("float64"),
        (dataset.test.labels == positive).astype(int),
        (dataset.test.inputs[column] <= float(edge)).astype(int),
    )
