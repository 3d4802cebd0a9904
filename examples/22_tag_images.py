r"""How does a model name several things at once in an image?

Collages of one to four handwritten digits that come with scikit-learn: a table
says which digits are in each, such as `3;7`. Each digit has a probability of
its own, and a threshold that was chosen on validation rows. Made images, so
that the example needs no download; a table of your own photos:

    python examples/22_tag_images.py
    python examples/22_tag_images.py --table items.csv --images file \
        --tags kinds --backbone MobileNetV2 --size 160

The command line does the same:

    aet-keras fit items.csv --image-column file --target kinds --out OUT

Takes a few minutes on 2 cores; it prints the F1 of each digit beside that of
naming every digit each time.
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
parser.add_argument("--images", default="file", help="column of their files")
parser.add_argument("--tags", default="digits", help="column such as 3;7")
parser.add_argument("--backbone", default="embedded")
parser.add_argument("--size", type=int, default=64, help="in pixels")
parser.add_argument("--out", default="saved_models/tags")
parser.add_argument("--smoke", action="store_true", help="seconds, untrained")
args = parser.parse_args()

# Settings.
count = 60 if args.smoke else 1200
epochs = 1 if args.smoke else 12
kinds = range(2 if args.smoke else 10)
size = 32 if args.smoke else args.size
out = pathlib.Path(args.out)
out.mkdir(parents=True, exist_ok=True)

table = args.table
if table is None:
    # Compose collages of 2 x 2 places, and write down what is in them.
    random = np.random.default_rng(0)
    digits = load_digits()
    images = digits.images[np.isin(digits.target, kinds)]
    labels = digits.target[np.isin(digits.target, kinds)]
    table = out / "collages.csv"
    with open(table, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([args.images, args.tags])
        for number in range(count):
            collage = np.zeros((16, 16))
            chosen = random.integers(len(images), size=random.integers(1, 5))
            for place, digit in zip(
                random.permutation(4), chosen, strict=False
            ):
                top, left = 8 * (place // 2), 8 * (place % 2)
                collage[top : top + 8, left : left + 8] = images[digit]
            name = f"{number}.png"
            keras.utils.save_img(
                out / name, 15 * collage[..., None], scale=False
            )
            seen = sorted({str(labels[digit]) for digit in chosen})
            writer.writerow([name, ";".join(seen)])

recipe = recipes.Recipe(
    str(table),
    backbone=args.backbone,
    image_size=size,
    epochs=epochs,
    image_column=args.images,
    target=args.tags,
    target_kind="tags",
)
run = training.run_recipe(recipe, out, say=print)

test = run.report.test
print(f"\n{test.to_text()}")
print(run.report.verdict or "better than no model by more than chance")

version = serving.load_version(run.version)
shown = next(pathlib.Path(table).parent.glob("*.png"))
content = np.array([shown.read_bytes()], object)
answer = version.call("bytes", {"image_bytes": content})
print(f"\n{shown} shows", [tag.decode() for tag in answer["tags"][0] if tag])
for tag, share in zip(
    answer["classes"][0], answer["probabilities"][0], strict=True
):
    print(f"  {tag.decode()}  {share:.1%}")
