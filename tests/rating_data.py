"""A small file of ratings, and what is made of it before any training."""

import numpy as np

from aet_keras import data, recipes, tasks
from aet_keras.evaluation.rating_biases import fit_biases

FEATURES = {"user_features": ("age",), "item_features": ("decade",)}
LENGTH = 6


def write_ratings(path, users=range(20), items=12, each=8, seed=0, later=0):
    """Writes ratings that follow the item's number and the user's age.

    `later` turns decades: items are of that of the one so many further on.
    """
    random = np.random.default_rng(seed)
    lines = ["user,item,age,decade,rating"]
    for user in users:
        age = "old" if user % 2 else "young"
        for item in random.choice(items, each, replace=False):
            said = 1 + item % 4 + (user % 2) * (item % 3 == 0)
            decade = (item + later) % items // 4
            lines.append(f"u{user},i{item},{age},{decade},{said}")
    path.write_text("\n".join(lines))
    return path


def read_ratings(path, **arguments):
    return data.read_ratings(path, **{**FEATURES, **arguments})


def rating_recipe(path, **settings):
    """Returns a recipe of a small model, which looks at both features."""
    small = {"factors": 2, "history_length": LENGTH, "batch_size": 64}
    return recipes.RatingRecipe(str(path), **{**FEATURES, **small, **settings})


def build_model(dataset, **arguments):
    """Returns the biases, the tables and the model of a data set."""
    specification = dataset.specification
    train, judged = dataset.train, dataset.validation
    biases = fit_biases(
        train.inputs["user"],
        train.inputs["item"],
        train.labels,
        validation=(
            judged.inputs["user"],
            judged.inputs["item"],
            judged.labels,
        ),
        user_count=1 + len(specification.users),
        item_count=1 + len(specification.items),
    )
    tables = data.make_rating_tables(
        [train], specification, history_length=LENGTH
    )
    model = tasks.build_recommender(
        specification,
        biases,
        item_counts=tables.item_counts,
        factors=2,
        history_length=LENGTH,
        **arguments,
    )
    return biases, tables, model


def randomize_weights(model, seed=0):
    """Gives every weight noise, row 0 of each table left at 0."""
    random = np.random.default_rng(seed)
    for layer in model.layers:
        moved = []
        for weight in layer.get_weights():
            noise = random.normal(scale=0.3, size=weight.shape)
            if layer.name.startswith(("user_", "item_", "of_")):
                noise[0] = 0
            moved.append(weight + noise.astype("float32"))
        layer.set_weights(moved)
