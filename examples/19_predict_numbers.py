r"""How does a table become a model of a number, and is it worth having?

The diabetes data of scikit-learn: 442 patients, ten measurements each, and how
far the disease has gone on a year later, a number from 25 to 346. That the
target is a number is seen by its values. The report has the errors of no model
and of a linear model beside. A table of your own:

    python examples/19_predict_numbers.py
    python examples/19_predict_numbers.py --table german_credit.csv \
        --target credit_amount --out saved_models/amounts

Takes about 1 minute on 2 cores; the RMSE on 70 patients is about 60, without
a model 77. What stands in the report is read back from report.json.
"""

import argparse
import json
import pathlib

import pandas
from sklearn.datasets import load_diabetes

from aet_keras import recipes, serving, training

parser = argparse.ArgumentParser()
parser.add_argument("--table", help="another one, with the target below")
parser.add_argument("--target", default="progression")
parser.add_argument("--out", default="saved_models/progression")
parser.add_argument("--smoke", action="store_true", help="seconds, untrained")
args = parser.parse_args()

# Settings.
epochs = 1 if args.smoke else 40
features = 2 if args.smoke else 10
out = pathlib.Path(args.out)
out.mkdir(parents=True, exist_ok=True)

if args.table is None:
    table = load_diabetes(as_frame=True, scaled=False).frame
    table = table.rename(columns={"target": "progression"})
    table = table.iloc[:, [*range(features), -1]]
else:
    table = pandas.read_csv(args.table)
table.to_csv(out / "rows.csv", index=False)

recipe = recipes.TableRecipe(
    str(out / "rows.csv"), args.target, epochs=epochs, target_kind="number"
)
run = training.run_recipe(recipe, out, say=print)

report = json.loads((out / "report.json").read_text())
print(f"\nRMSE {report['rmse']:.4g}, MAE {report['mae']:.4g}", end=", ")
print(f"R2 {report['r2']:.3f} on {report['test']['count']} test rows")
for each in report["baselines"]:
    print(f"  {each['name']}: RMSE {each['baseline']:.4g}")
print(report["verdict"] or "better than both by more than chance explains")
print("the columns that are missed most when they are shuffled:")
for each in report["test"]["importance"][:5]:
    print(f"  {each['name']:24} RMSE {each['permutation']:+.4g}")
print("the rows that are most wrong:")
for each in report["mistakes"][:3]:
    print(
        f"  {each['predicted']:.4g} for {each['true']:.4g}: {each['content']}"
    )

version = serving.load_version(run.version)
print(f"\n{run.comparison.to_text()}")
print(f"{run.version} puts out {sorted(version.signatures)}")
