"""Does a recipe hold what a run needs, and refuse what cannot be run?"""

import dataclasses
import json

import pytest

from aet_keras.recipes import Recipe


@pytest.mark.parametrize(
    ("backbone", "size"),
    [("embedded", 64), ("MobileNetV2", 160), ("ResNet50", 160)],
)
def test_the_image_size_defaults_to_what_the_backbone_knows(backbone, size):
    assert Recipe("digits", backbone=backbone).image_size == size
    assert Recipe("digits", backbone=backbone, image_size=96).image_size == 96


def test_a_recipe_survives_a_json_file(tmp_path):
    recipe = Recipe(
        "photos/ü",
        backbone="MobileNetV2",
        weights="none",
        learning_rate=3e-4,
        augment="light",
        seed=7,
        skip_bad=True,
    )

    recipe.save(tmp_path / "recipe.json")

    content = json.loads((tmp_path / "recipe.json").read_text("utf-8"))
    assert Recipe(**content) == recipe
    assert content == recipe.to_json()


def test_the_file_names_every_argument():
    names = {field.name for field in dataclasses.fields(Recipe)}

    assert Recipe("digits").to_json().keys() == names


def test_a_recipe_cannot_be_changed_after_it_was_checked():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe("digits").epochs = 0


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ({"data": 3}, "`data` must be a `str`"),
        ({"backbone": "MobileNet2"}, "Nearest: `MobileNetV2`"),
        ({"backbone": None}, "no backbone `None`"),
        ({"weights": False}, "`weights` must be a `str`"),
        ({"image_size": 0}, "an int of at least 1"),
        ({"image_size": (64, 64)}, "an int of at least 1"),
        ({"epochs": 0}, "an int of at least 1"),
        ({"epochs": 1.5}, "an int of at least 1"),
        ({"batch_size": 0}, "an int of at least 1"),
        ({"learning_rate": 0}, "a finite number above 0"),
        ({"learning_rate": float("nan")}, "a finite number above 0"),
        ({"augment": "much"}, "'none', 'flip', 'light', 'strong'"),
        ({"dropout": 1}, "at least 0 and at most 0.999"),
        ({"validation_ratio": 0}, "above 0"),
        ({"test_ratio": 1.5}, "at most 1"),
        ({"seed": -1}, "an int of at least 0"),
        ({"skip_bad": "yes"}, "True or False"),
        ({"target_kind": "number"}, "folders and shards have classes"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_bad_argument_is_refused_with_what_it_must_be(arguments, advice):
    with pytest.raises((TypeError, ValueError), match=advice) as refused:
        Recipe(**{"data": "digits", **arguments})

    assert str(refused.value).startswith("Recipe: ")


@pytest.mark.parametrize(
    "against",
    [
        {"weights": "none"},
        {"attention": "se"},
        {"train_batch_normalization": True},
    ],
    ids=lambda each: next(iter(each)),
)
def test_adapters_go_with_a_pretrained_backbone_alone(against):
    with pytest.raises(ValueError, match=f"Received: {next(iter(against))}="):
        Recipe("digits", lora=2, **against)


def test_with_adapters_normalization_stays_as_it_is():
    assert not Recipe("digits", lora=2).train_batch_normalization
