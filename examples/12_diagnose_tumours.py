r"""How does a table of measurements become a diagnosis that says how sure?

The breast cancer data of scikit-learn: 569 tumours, 30 measurements each. One
recipe reads, learns, measures and publishes; a miss costs twenty times what a
false alarm costs, and moves the risk from which on a tumour is called
malignant. What stands in the report is read back from report.json. Patients of
another table, here the Pima Indians diabetes data, are diagnosed likewise:

    python examples/12_diagnose_tumours.py
    python examples/12_diagnose_tumours.py --table pima_diabetes.csv \
        --target diabetes --positive pos --out saved_models/diabetes

Takes about 1 minute on 2 cores; the ROC AUC on 86 tumours is 0.99 to 1.
"""

import argparse
import json
import pathlib

import numpy as np
import pandas
from sklearn.datasets import load_breast_cancer

from aet_keras import recipes, training

parser = argparse.ArgumentParser()
parser.add_argument("--table", help="another one, with the two below")
parser.add_argument("--target", default="diagnosis")
parser.add_argument("--positive", default="malignant", help="the risk")
parser.add_argument("--out", default="saved_models/tumours")
parser.add_argument("--smoke", action="store_true", help="seconds, untrained")
args = parser.parse_args()

# Settings.
epochs = 1 if args.smoke else 40
cost_false_negative = 20.0  # a patient who is missed
cost_false_positive = 1.0  # one who is looked at again
features = 3 if args.smoke else 30
out = pathlib.Path(args.out)
out.mkdir(parents=True, exist_ok=True)

if args.table is None:
    table = load_breast_cancer(as_frame=True).frame
    table["diagnosis"] = np.where(table.pop("target"), "benign", "malignant")
    table = table.iloc[:, [*range(features), -1]]
else:
    table = pandas.read_csv(args.table)
table.to_csv(out / "patients.csv", index=False)

recipe = recipes.TableRecipe(
    str(out / "patients.csv"),
    args.target,
    positive=args.positive,
    cost_false_negative=cost_false_negative,
    cost_false_positive=cost_false_positive,
    epochs=epochs,
)
run = training.run_recipe(recipe, out, say=print)

report = json.loads((out / "report.json").read_text())
risk = report["risk"]
print(f"\nROC AUC {report['roc_auc']:.4f}", end=" ")
print(f"(95 %: {report['roc_auc_low']:.4f} to {report['roc_auc_high']:.4f})")
print(f"called {args.positive} from a risk of {report['threshold']:.3f} on:")
print(f"  {report['sensitivity']:.1%} of those who are so are found,")
print(f"  {report['specificity']:.1%} of the others are let go;")
print(f"  mean cost {risk['cost']:.3f}, {risk['cost_at_half']:.3f} from 0.5 on")
print("what was said, and what was so:")
for each in risk["calibration"]:
    print(f"  {each['predicted']:.3f} {each['observed']:.3f}", end="")
    print(f"  ({each['count']} patients)")
print("the features that are missed most when they are shuffled:")
for each in risk["importance"][:5]:
    print(f"  {each['name']:24} {each['permutation']:.4f}")
print(f"\n{run.comparison.to_text()}\n{run.version}")
