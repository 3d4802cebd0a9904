"""Is a model of picture, text and columns better than each, and than a mean?

    python tests/benchmarks/fusion.py [--seeds 0 1 2] [--epochs 12]
        [--cache FOLDER] [--rows fit picture text "late fusion"]

Data: the icons of the npm package @mdi/svg 7.4.47 (Apache 2.0) that have one
tag, of which the tag is the class, at least 30 icons each. The picture is
rendered once at 64 pixels (`pip install resvg_py`), the text is the name and
the aliases, the columns are the author, the first style and the release. The
tag is no part of any of them. Icons that are drawn after the same base icon
are in one split: 70, 15 and 15 of 100 base icons.

Rows: `fit` is `aet-keras fit ITEMS.csv --image-column file --text-column
title`. `picture`, `text` and `columns` are the same command on a table where
the other parts are missing; `picture (frozen)` and the others below are
logistic regressions of scikit-learn with a tuned C: on the features of the
frozen backbone, on TF-IDF of words and pairs of words, and on columns as
one-hot vectors. Late fusion is the mean of what these say; `stacked` weighs
them by what is best on the validation rows. Gains are paired, row by row.
"""

import argparse
import csv
import io
import itertools
import json
import pathlib
import tarfile
import tempfile
import time
import urllib.request

import _machine
import numpy as np

from aet_keras import backbones, training
from aet_keras.recipes.item_recipe import ItemRecipe
from aet_keras.training import item_job

URL = "https://registry.npmjs.org/@mdi/svg/-/svg-7.4.47.tgz"
LEAST = 30
SIZE = 64
STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)
SHARES = (0.0, 0.25, 0.5, 1.0, 2.0)


def icons(cache):
    """Downloads and renders the icons once; returns their rows."""
    folder = pathlib.Path(cache) / "mdi_svg_7_4_47"
    listed = folder / "rows.json"
    if listed.exists():
        return folder, json.loads(listed.read_text())
    import resvg_py

    (folder / "png").mkdir(parents=True, exist_ok=True)
    with urllib.request.urlopen(URL, timeout=120) as answer:
        packed = tarfile.open(fileobj=io.BytesIO(answer.read()))
    about = json.load(packed.extractfile("package/meta.json"))
    tagged = [each for each in about if len(each["tags"]) == 1]
    names = [each["tags"][0] for each in tagged]
    rows = []
    for icon in tagged:
        if names.count(icon["tags"][0]) < LEAST:
            continue
        name = icon["name"]
        drawn = packed.extractfile(f"package/svg/{name}.svg").read()
        png = resvg_py.svg_to_bytes(
            svg_string=drawn.decode(),
            width=SIZE,
            height=SIZE,
            background="white",
        )
        (folder / "png" / f"{name}.png").write_bytes(bytes(png))
        words = [name, *icon["aliases"]]
        rows.append(
            {
                "file": f"png/{name}.png",
                "title": " ; ".join(each.replace("-", " ") for each in words),
                "author": icon["author"],
                "style": (icon["styles"] or [""])[0],
                "release": icon["version"].rsplit(".", 1)[0],
                "kind": icon["tags"][0],
                "base": icon["baseIconId"],
            }
        )
    listed.write_text(json.dumps(rows))
    return folder, rows


def with_splits(rows, seed):
    """Returns the rows with a split, base icon by base icon."""
    bases = sorted({row["base"] for row in rows})
    order = np.random.default_rng(seed).permutation(len(bases)) / len(bases)
    share = dict(zip(bases, order, strict=True))
    named = ((0.70, "train"), (0.85, "validation"), (1.0, "test"))
    return [
        {
            **{key: each for key, each in row.items() if key != "base"},
            "part": next(n for most, n in named if share[row["base"]] < most),
        }
        for row in rows
    ]


def table(folder, rows, name, keep=("file", "title", "columns")):
    """Writes a table in which the parts that are not kept are missing."""
    path = folder / f"{name}.csv"
    with open(path, "w", newline="") as file:
        columns = ["author", "style", "release"] if "columns" in keep else []
        writer = csv.writer(file)
        writer.writerow(["file", "title", *columns, "part", "kind"])
        for row in rows:
            cells = [row[n] if n in keep else "" for n in ("file", "title")]
            cells += [row[column] for column in columns]
            writer.writerow([*cells, row["part"], row["kind"]])
    return path


def recipe_of(path, seed, epochs):
    return ItemRecipe(
        str(path),
        image_column="file",
        text_column="title",
        target="kind",
        target_kind="classes",
        split_column="part",
        kinds={"author": "category", "style": "category", "release": "category"}
        if "columns" in path.stem or path.stem.startswith("all")
        else None,
        seed=seed,
        epochs=epochs,
    )


def trained(path, seed, epochs):
    """Returns what `aet-keras fit` says of the test rows, and its report."""
    recipe = recipe_of(path, seed, epochs)
    dataset = item_job.read_items(recipe)
    with tempfile.TemporaryDirectory() as out:
        run = training.run_recipe(recipe, out)
    return item_job.predict(run.model, dataset.test), run.report, dataset


def regressions(dataset):
    """Returns what regressions on each part say of validation and test."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    splits = [dataset.train, dataset.validation, dataset.test]
    backbone = backbones.load_backbone(image_size=(SIZE, SIZE))
    pictures = [
        backbone.predict(
            split.inputs["pixels"] / 127.5 - 1.0, batch_size=128, verbose=0
        ).mean(axis=(1, 2))
        for split in splits
    ]
    scaler = StandardScaler().fit(pictures[0])
    counter = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=1)
    counter.fit(dataset.train.inputs["words"])
    names = [each.name for each in dataset.specification.columns]
    cells = [np.stack([s.inputs[n] for n in names], axis=1) for s in splits]
    coder = OneHotEncoder(handle_unknown="ignore", min_frequency=5)
    coder.fit(cells[0])
    features = {
        "picture (frozen)": [scaler.transform(each) for each in pictures],
        "text (TF-IDF)": [counter.transform(s.inputs["words"]) for s in splits],
        "columns (one-hot)": [coder.transform(each) for each in cells],
    }
    return {
        name: tuned(each, dataset.train.labels, dataset.validation.labels)
        for name, each in features.items()
    }


def tuned(features, labels, held):
    from sklearn.linear_model import LogisticRegression

    train, validation, test = features
    best = None
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=100, tol=1e-3)
        said = model.fit(train, labels).predict_proba(validation)
        loss = losses(said, held).mean()
        if best is None or loss < best[0]:
            best = loss, said, model.predict_proba(test)
        else:
            break
    return best[1:]


def losses(said, labels):
    return -np.log(np.clip(said[np.arange(len(labels)), labels], 1e-7, 1))


def stacked(said, held):
    """Returns the weighted product of what parts say, weights by validation."""
    validation = [np.log(v + 1e-7) for v, _ in said.values()]
    test = [np.log(t + 1e-7) for _, t in said.values()]

    def joined(logs, weights):
        scores = sum(w * each for w, each in zip(weights, logs, strict=True))
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    best = min(
        itertools.product(SHARES, repeat=len(said)),
        key=lambda weights: losses(joined(validation, weights), held).mean(),
    )
    return joined(test, best)


def measure(folder, rows, seed, epochs, wanted):
    """Returns what each row of the table says of the test rows.

    What was measured before is read: `kept_SEED_EPOCHS.npz`.
    """
    kept = folder / f"kept_{seed}_{epochs}.npz"
    said = dict(np.load(kept)) if kept.exists() else {}
    rows = with_splits(rows, seed)
    tables = {
        "fit": table(folder, rows, f"all_{seed}"),
        "picture": table(folder, rows, f"picture_{seed}", ("file",)),
        "text": table(folder, rows, f"text_{seed}", ("title",)),
    }
    if "late fusion" in wanted and "late fusion" not in said:
        dataset = item_job.read_items(recipe_of(tables["fit"], seed, epochs))
        parts = regressions(dataset)
        said |= {name: test for name, (_, test) in parts.items()}
        said["late fusion"] = np.mean([t for _, t in parts.values()], axis=0)
        said["stacked"] = stacked(parts, dataset.validation.labels)
        said["labels"] = dataset.test.labels
        np.savez(kept, **said)
    for name in [n for n in tables if n in wanted and n not in said]:
        begun = time.process_time()
        said[name], report, dataset = trained(tables[name], seed, epochs)
        print(report.parts.to_text(), *report.events, sep="\n")
        print(f"{time.process_time() - begun:.0f} s of processor", flush=True)
        said["labels"] = dataset.test.labels
        np.savez(kept, **said)
    return said, said.pop("labels")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=12)
    names = ["fit", "picture", "text", "late fusion"]
    parser.add_argument("--rows", nargs="+", default=names, choices=names)
    usual = pathlib.Path.home() / ".cache" / "aet_keras_benchmarks"
    parser.add_argument("--cache", default=usual)
    args = parser.parse_args()
    print(_machine.describe(), flush=True)
    folder, rows = icons(args.cache)
    found = {}
    for seed in args.seeds:
        said, labels = measure(folder, rows, seed, args.epochs, args.rows)
        print(f"seed {seed}: {len(labels)} test rows of {len(rows)}")
        for name, each in said.items():
            right = each.argmax(axis=1) == labels
            ours = said.get("fit", each)
            gain = (ours.argmax(axis=1) == labels) * 1.0 - right
            error = gain.std() / np.sqrt(len(gain))
            found.setdefault(name, []).append(
                (right.mean(), losses(each, labels).mean(), gain.mean())
            )
            print(
                f"{name:<18} accuracy {right.mean():.4f}  log loss "
                f"{losses(each, labels).mean():.4f}  fit is better by "
                f"{gain.mean():+.4f} +- {1.96 * error:.4f}",
                flush=True,
            )
    print("\nmean and standard deviation over seeds")
    for name, each in found.items():
        (accuracy, loss, gain), spread = np.mean(each, 0), np.std(each, 0)
        print(
            f"{name:<18} accuracy {accuracy:.4f} +- {spread[0]:.4f}  "
            f"log loss {loss:.4f} +- {spread[1]:.4f}  gain {gain:+.4f}"
        )


if __name__ == "__main__":
    main()
