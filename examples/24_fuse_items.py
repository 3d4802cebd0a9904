r"""What does a model see that looks at a picture, a text and columns at once?

Items of a shop that is made up: the picture shows a digit of scikit-learn,
the title says whether it is even, the column `size` whether it is large. No
part tells all, some items lack a picture or a title, and one model looks at
everything there is. Another table works too:

    python examples/24_fuse_items.py
    python examples/24_fuse_items.py --table items.csv --image-column file \
        --text-column title --target kind --backbone MobileNetV2

The command line does the same; all other columns are looked at:

    aet-keras fit items.csv --image-column file --text-column title \
        --target kind --out saved_models/items

Takes two minutes on 2 cores; it prints what each part says alone, what is lost
with a part of another item, and what the served model says of an item with
its gaps.
"""

import argparse
import csv
import pathlib

import keras
import numpy as np
from sklearn.datasets import load_digits

from aet_keras import recipes, serving, training

parser = argparse.ArgumentParser()
parser.add_argument("--table", help="another one, with the columns below")
parser.add_argument("--image-column", default="file", help="paths of files")
parser.add_argument("--text-column", default="title")
parser.add_argument("--target", default="kind")
parser.add_argument("--backbone", default="embedded")
parser.add_argument("--out", default="saved_models/items")
parser.add_argument("--smoke", action="store_true", help="seconds, untrained")
args = parser.parse_args()

# Settings.
count = 80 if args.smoke else 700
epochs = 1 if args.smoke else 8
kinds = "zero one two three".split()
out = pathlib.Path(args.out)
out.mkdir(parents=True, exist_ok=True)

table = args.table
if table is None:
    random = np.random.default_rng(0)
    digits = load_digits(n_class=len(kinds))
    table = out / "items.csv"
    with open(table, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([args.image_column, args.text_column, "size", "kind"])
        for row in range(count):
            number = digits.target[row]
            name = f"{row}.png"
            ink = np.repeat(16 - digits.images[row][:, :, None], 3, axis=2)
            keras.utils.save_img(out / name, ink * 15, scale=False)
            title = f"{['even', 'odd'][number % 2]} one, no. {row}"
            large = (number > 1) != (random.random() < 0.1)
            writer.writerow(
                [
                    name if row % 10 else "",
                    title if row % 7 else "",
                    "large" if large else "small",
                    kinds[number],
                ]
            )

# An image column and a text column make it a recipe of items.
recipe = recipes.kinds.make_recipe(
    {
        "data": str(table),
        "image_column": args.image_column,
        "text_column": args.text_column,
        "target": args.target,
        "backbone": args.backbone,
        "image_size": 32 if args.backbone == "embedded" else None,
        "epochs": epochs,
    }
)
run = training.run_recipe(recipe, out)
print(run.report.parts.to_text())

# The served model takes raw cells: bytes, strings, numbers; some are missing.
version = serving.load_version(run.version)
if args.table is None:
    asked = {
        args.image_column: [(out / "1.png").read_bytes(), b""],
        args.text_column: [b"", b"odd one"],
        "size": [b"small", b"small"],
    }
    answer = version.call(
        "serving_default",
        {name: np.array(cells, object) for name, cells in asked.items()},
    )
    for what, shares in zip(
        ["a picture without a title", "a title without a picture"],
        answer["probabilities"],
        strict=True,
    ):
        best = shares.argmax()
        name = answer["classes"][0][best].decode()
        print(f"{what}: {name}, {shares[best]:.0%}")
