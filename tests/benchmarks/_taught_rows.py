"""Students of tables, tags and items whose teacher has learned other rows.

Each part yields a line for each row of a table of results: a dict of `data`,
`row`, `seed`, and the figure `score`, of which more is better.
"""

import functools
import pathlib
import tempfile

import _machine
import fusion
import keras
import multilabel
import numpy as np
import pandas
from sklearn.metrics import r2_score, roc_auc_score

from aet_keras import recipes, training
from aet_keras.evaluation.tagging import mean_average_precision
from aet_keras.recipes.item_recipe import ItemRecipe
from aet_keras.training.teachers import with_teacher

SPLIT = "aet_split"
FEW = {"train": 150, "validation": 50}  # of a table's student
FEW_TAGS = {"train": 200, "validation": 60}
FEW_ITEMS = {"train": 300, "validation": 100}
LEAST = 70  # icons of a kind
KEPT = pathlib.Path("/tmp/aet-teachers")  # published teachers of icons
TABLES = {  # the target, and what is the positive class
    "credit_data": ("Status", "bad"),
    "german_credit": ("creditability", "bad"),
    "german_amount": ("credit_amount", None),
}


def fitted(recipe):
    """Returns what the student of a recipe says of the test rows, and them."""
    job = training.run.job_of(recipe)
    dataset = with_teacher(recipe, job.read(recipe), job.teacher_rows)
    keras.utils.set_random_seed(recipe.seed)
    model = job.build(recipe, dataset)
    best = job.best(recipe, dataset)
    run = job.fit(model, recipe, dataset, best=best)
    return job.predict(run.model, dataset.test), dataset


def divided(frame, few):
    """Returns the rows of the teacher, and those of the student."""
    count = sum(few.values())
    test = len(frame) // 4
    parts = np.repeat([*few, "test"], [*few.values(), test])
    student = frame.iloc[: count + test].assign(**{SPLIT: parts})
    return frame.iloc[count + test :], student


def tables(seed, folder):
    """Yields the figures of tables: of few rows, of all, and of both."""
    for data, (target, positive) in TABLES.items():
        file = "german_credit" if data == "german_amount" else data
        frame = pandas.read_csv(_machine.DATA / f"{file}.csv")
        frame = frame.dropna(subset=[target]).sample(frac=1, random_state=seed)
        big, small = divided(frame, FEW)
        rest = frame.assign(**{SPLIT: small[SPLIT]}).fillna({SPLIT: "train"})
        for name, each in {"big": big, "small": small, "all": rest}.items():
            each.to_csv(folder / f"{data}_{name}.csv", index=False)
        make = functools.partial(recipes.TableRecipe, target=target, seed=seed)
        teacher = str(folder / f"{data}_teacher")
        big = make(str(folder / f"{data}_big.csv"), test_ratio=0.05)
        training.run_recipe(big, teacher)
        small = str(folder / f"{data}_small.csv")
        student = functools.partial(make, small, split_column=SPLIT)
        every = make(str(folder / f"{data}_all.csv"), split_column=SPLIT)
        half = frame.drop(columns=target).columns[::2]
        ignored = {"kinds": dict.fromkeys(half, "ignore")}
        rows = {
            "labels": student(),
            "taught": student(teacher=teacher),
            "from": student(from_=teacher),
            "all labels": every,
            "labels, half": student(**ignored),
            "taught, half": student(teacher=teacher, **ignored),
        }
        for row, recipe in rows.items():
            said, dataset = fitted(recipe)
            labels = dataset.test.labels
            if positive is None:
                score = r2_score(labels, said[:, 0])
            else:
                place = dataset.specification.class_names.index(positive)
                score = roc_auc_score(labels == place, said[:, place])
            yield line(data, row, seed, score)


def tags(seed, folder):
    """Yields the figures of collages: an embedded student, few labels."""
    make = multilabel.write_collages(folder)
    frame = pandas.read_csv(folder / "collages.csv")
    frame = frame.sample(frac=1, random_state=seed)
    big, small = divided(frame, FEW_TAGS)
    big.to_csv(folder / "big.csv", index=False)
    small.to_csv(folder / "small.csv", index=False)
    more = folder / "more"
    more.mkdir()
    for file in big["file"]:
        (more / file).symlink_to(folder / file)
    settings = {**make(seed, 6).to_json(), "test_ratio": 0.1}
    teacher = str(folder / "teacher")
    settings["data"] = str(folder / "big.csv")
    training.run_recipe(recipes.Recipe(**settings), teacher)
    student = functools.partial(
        recipes.Recipe,
        str(folder / "small.csv"),
        image_column="file",
        target="tags",
        target_kind="tags",
        validation_ratio=FEW_TAGS["validation"] / len(small),
        test_ratio=1 - sum(FEW_TAGS.values()) / len(small),
        seed=seed,
        epochs=12,
    )
    rows = {
        "labels": student(),
        "taught": student(teacher=teacher),
        "taught_unlabelled": student(teacher=teacher, unlabelled=str(more)),
    }
    for row, recipe in rows.items():
        said, dataset = fitted(recipe)
        score = mean_average_precision(dataset.test.labels, said)
        yield line("collages", row, seed, score)


def items(seed, folder):
    """Yields the accuracies of icons: of few rows, of all, and of both."""
    cache = pathlib.Path.home() / ".cache" / "aet_keras_benchmarks"
    drawn, rows = fusion.icons(cache)
    frame = pandas.DataFrame(rows)
    frame["file"] = [str(drawn / each) for each in frame["file"]]
    counts = frame["kind"].map(frame["kind"].value_counts())
    frame = frame[counts >= LEAST]
    # Icons that are drawn after the same one stand together.
    bases = np.random.default_rng(seed).permutation(frame["base"].unique())
    places = dict(zip(bases, range(len(bases)), strict=True))
    order = frame["base"].map(places).argsort(kind="stable")
    frame = frame.iloc[order].drop(columns="base")
    big, small = divided(frame, FEW_ITEMS)
    rest = frame.assign(**{SPLIT: small[SPLIT]}).fillna({SPLIT: "train"})
    for name, each in {"big": big, "small": small, "all": rest}.items():
        each.to_csv(folder / f"{name}.csv", index=False)
    make = functools.partial(
        ItemRecipe,
        image_column="file",
        text_column="title",
        target="kind",
        target_kind="classes",
        seed=seed,
        epochs=4,
    )
    kinds = dict.fromkeys(("author", "style", "release"), "category")
    teacher = str(KEPT / f"icons_{seed}")
    if not pathlib.Path(teacher, "1").exists():
        big = make(str(folder / "big.csv"), test_ratio=0.05, kinds=kinds)
        training.run_recipe(big, teacher)
    student = functools.partial(
        make, str(folder / "small.csv"), split_column=SPLIT
    )
    every = str(folder / "all.csv")
    found = {
        "labels": student(kinds=kinds),
        "taught": student(teacher=teacher, kinds=kinds),
        "from": student(from_=f"{teacher}/1"),
        "all labels": make(every, split_column=SPLIT, kinds=kinds),
    }
    for row, recipe in found.items():
        said, dataset = fitted(recipe)
        right = np.mean(said.argmax(axis=1) == dataset.test.labels)
        yield line("icons", row, seed, right)


def line(data, row, seed, score):
    return {
        "data": data,
        "row": row,
        "seed": seed,
        "score": round(float(score), 4),
    }


PARTS = {"tables": tables, "tags": tags, "items": items}


def run(part, seeds, show):
    """Runs a part with some seeds; returns its lines."""
    found = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            for each in PARTS[part](seed, pathlib.Path(folder)):
                found.append(each)
                show(each)
    return found
