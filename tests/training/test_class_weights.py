"""Does each class count the same where that is asked for?"""

import dataclasses

import image_models
import numpy as np
import pytest
import table_data

from aet_keras import data, recipes, training
from aet_keras.training import text_job

COUNTS = {"train": (40, 8, 4), "validation": (10, 4, 4), "test": (10, 2, 2)}
WEIGHTS = 52 / (3 * np.array([40, 8, 4]))


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """Puts three convolutions of 8 pixels in the place of every backbone."""
    monkeypatch.setattr(
        "aet_keras.backbones.load_backbone",
        lambda name, **settings: image_models.backbone(),
    )


def images():
    """Returns rare classes that are a little brighter, with much noise."""
    random = np.random.default_rng(0)
    splits = {}
    for name, counts in COUNTS.items():
        labels = np.repeat([0, 1, 2], counts).astype("int32")
        rows = random.normal(100, 40, (len(labels), 8, 8, 3))
        rows += 12 * labels[:, None, None, None]
        splits[name] = data.Split(
            np.clip(rows, 0, 255).astype("uint8"),
            labels,
            tuple(f"{name}[{row}]" for row in range(len(labels))),
        )
    return data.Dataset(
        **splits,
        specification=data.dataset.Specification(
            "image", ("a", "b", "c"), (8, 8), ""
        ),
    )


def fitted(class_weight, *, learning_rate=1e-9, epochs=1):
    recipe = recipes.Recipe(
        "photos",
        image_size=8,
        epochs=epochs,
        learning_rate=learning_rate,
        augment="none",
        dropout=0.0,
        train_batch_normalization=False,
        class_weight=class_weight,
    )
    dataset = images()
    model = training.image_job.build_classifier(recipe, 3)
    before = model.get_weights()
    run = training.image_job.fit_recipe(model, recipe, dataset)
    return run, before, dataset


def loss(model, split, weights=WEIGHTS):
    said = model.predict(split.inputs, verbose=0)
    own = said[np.arange(split.count), split.labels]
    return np.mean(-np.log(own) * weights[split.labels])


def test_rows_to_learn_from_and_to_judge_by_are_weighted():
    run, before, dataset = fitted("balanced")

    run.model.set_weights(before)
    assert run.history["loss"][0] == pytest.approx(
        loss(run.model, dataset.train), rel=1e-4
    )
    assert run.history["val_loss"][0] == pytest.approx(
        loss(run.model, dataset.validation), rel=1e-4
    )


def test_a_tables_network_and_its_texts_likes_get_sample_weights(
    tmp_path, monkeypatch
):
    given = {}

    def fine_tune(model, train, *, validation_data, **settings):
        given.update(train=train, validation=validation_data)
        raise KeyboardInterrupt

    path = table_data.write_table(tmp_path / "credit.csv")
    recipe, dataset, model = table_data.build_model(
        path, class_weight="balanced"
    )
    monkeypatch.setattr(training.table_job, "fine_tune", fine_tune)
    with pytest.raises(KeyboardInterrupt):
        training.table_job.fit_table_model(model, recipe, dataset)
    check_weights(given, dataset)

    recipe = recipes.TextRecipe("a.csv", class_weight="balanced")
    monkeypatch.setattr(text_job, "fine_tune", fine_tune)
    texts = as_texts(dataset)
    with pytest.raises(KeyboardInterrupt):
        text_job.JOB.fit(None, recipe, texts)
    check_weights(given, texts)


def as_texts(dataset):
    def split(part):
        tokens = np.zeros((part.count, 8), "int32")
        return dataclasses.replace(
            part, inputs={"token_ids": tokens, "padding_mask": tokens}
        )

    names = ("train", "validation", "test")
    parts = {name: split(getattr(dataset, name)) for name in names}
    return dataclasses.replace(dataset, **parts)


def check_weights(given, dataset):
    wanted = data.class_balance.compute_class_weights(dataset.train.labels, 2)
    for name, (_, labels, weights) in given.items():
        np.testing.assert_array_equal(labels, getattr(dataset, name).labels)
        np.testing.assert_array_equal(weights, wanted[labels])


@pytest.mark.parametrize(
    "make",
    [
        lambda **more: recipes.Recipe("digits", **more),
        lambda **more: recipes.TextRecipe("a.csv", **more),
        lambda **more: recipes.TableRecipe("a.csv", "paid", **more),
    ],
    ids=["images", "texts", "tables"],
)
@pytest.mark.parametrize("wrong", ["equal", {0: 2.0}, True])
def test_another_word_is_refused(make, wrong):
    assert make().class_weight is None
    with pytest.raises(ValueError, match="must be one of 'balanced'"):
        make(class_weight=wrong)
