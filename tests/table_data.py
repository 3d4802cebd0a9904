"""A small table of every kind of column, and a model for it."""

import csv

import numpy as np

from aet_keras import recipes, training
from aet_keras.data.specifications import TableSpecification

TARGET = "paid"


def write_table(path, count=160, seed=0, classes=("no", "yes")):
    """Writes a table whose target follows age and branch, with gaps."""
    random = np.random.default_rng(seed)
    age = random.normal(40, 9, count)
    branch = random.choice(["north", "south", "east"], count)
    score = (age - 40) / 9 + 2 * (branch == "south") - 0.7
    score += random.normal(size=count)
    label = np.digitize(score, np.linspace(-1, 1, len(classes) + 1)[1:-1])
    days = random.integers(1, 28, count)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["age", "branch", "opened", TARGET])
        for i in range(count):
            shown = "" if i % 11 == 0 else f"{age[i]:.2f}"
            town = "" if i % 13 == 0 else branch[i]
            date = f"2024-02-{days[i]:02}"
            writer.writerow([shown, town, date, classes[label[i]]])
    return str(path)


def build_model(path, **settings):
    """Returns recipe, data set and model, not trained."""
    recipe = recipes.TableRecipe(
        path, TARGET, **{"epochs": 2, "units": 4, **settings}
    )
    dataset = training.table_job.read_rows(recipe)
    return (
        recipe,
        dataset,
        training.table_job.build_table_model(recipe, dataset),
    )


def write_numbers(path, count=160, seed=0, *, scale=1000.0, mean=9e4):
    """Writes a table whose target is a number in a large unit, with gaps."""
    random = np.random.default_rng(seed)
    area = random.normal(100, 25, count)
    town = random.choice(["north", "south", "east"], count)
    price = (area - 100) / 25 + 2.0 * (town == "south")
    price = mean + scale * (price + 0.3 * random.normal(size=count))
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["area", "town", "price"])
        for i in range(count):
            shown = "" if i % 11 == 0 else f"{area[i]:.2f}"
            writer.writerow([shown, town[i], f"{price[i]:.1f}"])
    return str(path)


def with_costs(false_negative, false_positive):
    """Returns what is known of a table of two classes, and what errors cost."""
    return TableSpecification(
        kind="table",
        class_names=("no", "yes"),
        image_size=None,
        source="a.csv",
        positive="yes",
        cost_false_negative=false_negative,
        cost_false_positive=false_positive,
    )
