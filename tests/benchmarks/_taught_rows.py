"""Students of tables, tags and items whose teacher has learned other rows.

Each part yields a line for each row of a table of results: a dict of `data`,
`row`, `seed`, and the figure `score`, of which more is better.
"""

import dataclasses
import functools
import pathlib
import tempfile

import _machine
import keras
import multilabel
import numpy as np
import pandas
from PIL import Image
from sklearn.metrics import r2_score, roc_auc_score

import aet_keras
from aet_keras import recipes, training
from aet_keras.evaluation.tagging import mean_average_precision
from aet_keras.recipes.item_recipe import ItemRecipe
from aet_keras.training import item_earlier, item_job
from aet_keras.training.teacher_outputs import outputs_of
from aet_keras.training.teachers import load_teacher, with_teacher

SPLIT = "aet_split"
FEW = {"train": 150, "validation": 50}  # of a table's student
FEW_ITEMS = {"train": 200, "validation": 80}
BELOW = ("pants", "shoes", "shorts", "skirt")
FEW_TAGS = {"train": 200, "validation": 60}
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


def write_items(folder, seed):
    """Writes photos beside sentences; the class is what both are.

    Photos of clothing10 and sentences of reviews are put beside each other at
    random: the picture tells whether it is worn below the waist, the sentence
    whether it is friendly. A column tells where the sentence is from.
    """
    photos = aet_keras.data.read_images(
        str(_machine.DATA / "clothing10_128px_jpeg.npz"), image_size=(96, 96)
    )
    names = photos.specification.class_names
    images, labels = photos.train.inputs[:], photos.train.labels
    texts = pandas.read_csv(_machine.DATA / "vader_sentiment_4domains.csv.gz")
    texts = texts[texts["label"] != 0].sample(len(labels), random_state=seed)
    rows = []
    for number, (place, text) in enumerate(
        zip(
            np.random.default_rng(seed).permutation(len(labels)),
            texts.itertuples(),
            strict=True,
        )
    ):
        file = f"{number}.png"
        Image.fromarray(images[place]).save(folder / file)
        worn = "below" if names[labels[place]] in BELOW else "above"
        said = "friendly" if text.label > 0 else "hostile"
        rows.append((file, text.text, text.domain, f"{worn}, {said}"))
    return pandas.DataFrame(rows, columns=["file", "title", "domain", "kind"])


def items(seed, folder):
    """Yields the figures of items: an embedded student, few labels."""
    frame = write_items(folder, seed)
    big, small = divided(frame, FEW_ITEMS)
    big.to_csv(folder / "big.csv", index=False)
    small.to_csv(folder / "small.csv", index=False)
    make = functools.partial(
        ItemRecipe,
        image_column="file",
        text_column="title",
        target="kind",
        target_kind="classes",
        kinds={"domain": "category"},
        seed=seed,
        epochs=3,
    )
    source = str(folder / "big.csv")
    teacher, earlier = str(folder / "teacher"), str(folder / "earlier")
    big_one = {
        "backbone": "MobileNetV2",
        "weights": str(multilabel.WEIGHTS),
        "image_size": 96,
    }
    training.run_recipe(make(source, test_ratio=0.05, **big_one), teacher)
    training.run_recipe(make(source, test_ratio=0.05), earlier)
    student = functools.partial(
        make, str(folder / "small.csv"), split_column=SPLIT
    )
    later = student(from_=earlier, kinds=None)
    rows = {
        "labels": student(),
        "taught": student(teacher=teacher),
        "from": item_earlier.as_earlier(
            dataclasses.replace(later, from_=f"{earlier}/1")
        ),
    }
    for row, recipe in rows.items():
        said, dataset = fitted(recipe)
        right = said.argmax(axis=1) == dataset.test.labels
        yield line("items", row, seed, right.mean())
    models = {"earlier": earlier, "teacher": teacher}
    for row, path in models.items():
        yield line("items", row, seed, published_right(path, rows["labels"]))


def published_right(path, recipe):
    """Returns how often a version is right about the test rows."""
    teacher = load_teacher(recipe, path)
    dataset = item_job.read_items(recipe)
    rows = item_job.JOB.teacher_rows(recipe, dataset, teacher)
    said = outputs_of(teacher.model, rows(dataset.test, "test"), 128, "distil")
    names = np.array(teacher.class_names)[said.argmax(axis=1)]
    true = np.array(dataset.specification.class_names)[dataset.test.labels]
    return (names == true).mean()


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
