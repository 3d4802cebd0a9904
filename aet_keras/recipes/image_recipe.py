"""Defines the recipe of a run on images."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from aet_keras import _check as check
from aet_keras import _choices
from aet_keras.recipes import shared_settings as shared
from aet_keras.recipes.base_recipe import BaseRecipe
from aet_keras.recipes.setting import setting

# What a backbone is adapted with where the user does not say. The embedded one
# was trained at 64 pixels, has further to go, and learns its few images by
# heart unless they vary. The weights that Keras hands out for MobileNetV2 know
# 160, a fair price on a machine without accelerator.
_EMBEDDED_DEFAULTS = {
    "image_size": 64,
    "learning_rate": 3e-3,
    "augment": "light",
    "train_batch_normalization": True,
}
_USUAL_DEFAULTS = {
    "image_size": 160,
    "learning_rate": 1e-3,
    "augment": "none",
    "train_batch_normalization": False,
}


@dataclasses.dataclass(frozen=True)
class ImageRecipe(BaseRecipe, kind="image", rows="images", owner="Recipe"):
    """Writes a run on images down: with the same data it can be done again.

    Args:
        data: str. `"digits"`, a folder of images, an `.npz` file,
            `"tfds:NAME"`, shards, such as `"shards/*.tar"`, or a table that
            names files of images.
        {settings}

    Raises:
        ValueError: if an argument is out of its range.

    Example:

    >>> recipe = aet_keras.recipes.Recipe("digits", epochs=3)
    >>> recipe.image_size
    64
    >>> aet_keras.recipes.Recipe(**recipe.to_json()) == recipe
    True
    """

    built = (
        "backbone",
        "weights",
        "attention",
        "attention_ratio",
        "head_units",
        "dropout",
    )

    backbone: str = setting("embedded", shared.BACKBONE)
    weights: str | None = setting(None, shared.WEIGHTS)
    image_size: int = setting(None, shared.IMAGE_SIZE)
    epochs: int = setting(20, shared.EPOCHS)
    batch_size: int = setting(32, shared.BATCH_SIZE)
    learning_rate: float = setting(
        None, shared.LEARNING_RATE, default="1e-3, embedded 3e-3"
    )
    augment: str = setting(
        None,
        "Change the training images at random.",
        among=_choices.AUGMENTATIONS,
        default="light embedded, none others",
    )
    train_batch_normalization: bool = setting(
        None,
        "Let BatchNormalization train with its group.",
        default="yes for random weights and embedded, no for others "
        "and with --from",
    )
    attention: str = setting(
        "none",
        "Graft attention into the upper groups; nothing changes before it "
        "learns.",
        among=_choices.ATTENTIONS,
    )
    attention_ratio: int | None = setting(
        None,
        "Channels that share a hidden unit of se and cbam.",
        least=1,
        default="what the layer has",
    )
    head_units: int = setting(
        0, "Width of a hidden layer in the head; 0 has none.", least=0
    )
    dropout: float = setting(0.2, shared.DROPOUT)
    thaw: dict[str, Any] | None = setting(
        None, shared.THAW, default="what suits the backbone"
    )
    rate: dict[str, Any] | None = setting(
        None, shared.RATE, default="AdaptToTrend:hold_ratio=0.4"
    )
    anchor_strength: float | None = setting(
        None, shared.ANCHOR_STRENGTH, default="not held"
    )
    class_weight: str | None = setting(None, shared.CLASS_WEIGHT)
    class_order: Sequence[str] | None = setting(None, shared.CLASS_ORDER)
    lora: int | None = setting(None, shared.LORA)
    teacher: str | None = setting(None, shared.TEACHER)
    unlabelled: str | None = setting(
        None,
        "A folder of images without labels. A teacher teaches them; without "
        "one they are learned with what the model says of them, if validation "
        "images show that it helps.",
        metavar="FOLDER",
        default="none",
    )
    coverage: float | None = setting(None, shared.COVERAGE)
    stress: bool = setting(
        False,
        "Measure the model on corrupted test images, too: noise, blur, light "
        "and others, each at three severities.",
    )
    validation_ratio: float = setting(0.15, shared.VALIDATION_RATIO)
    test_ratio: float = setting(0.15, shared.TEST_RATIO)
    seed: int = setting(0, shared.SEED)
    skip_bad: bool = setting(False, "Go on without those that cannot be read.")
    stream: bool | None = setting(
        None,
        "Decode each image when it is needed, and keep none.",
        default="yes where all would take a quarter of the free memory",
    )
    image_column: str | None = setting(None, shared.IMAGE_COLUMN)
    target: str | None = setting(None, shared.TARGET)
    label_columns: Sequence[str] | None = setting(None, shared.LABEL_COLUMNS)
    target_kind: str = setting("auto", shared.TARGET_KIND)
    from_: str | None = setting(None, shared.FROM)

    def __post_init__(self) -> None:
        # Late: the help of `aet-keras fit` reads the fields without Keras.
        from aet_keras.backbones import backbone_names
        from aet_keras.tasks.image_model import check_attention

        names = backbone_names()
        backbone = self.backbone
        check.known(self.owner, kind="backbone", among=names, backbone=backbone)
        if self.lora is not None:
            _check_adapted(self)
        if self.weights == "none":
            _check_trained(self)
        if self.from_ is None:  # else the earlier model says the backbone
            for name, value in usual_settings(self).items():
                object.__setattr__(self, name, value)
        super().__post_init__()
        check_attention(self.owner, self.attention, self.attention_ratio)
        if self.image_column is not None:
            shared.check_one_target(self, self.target, self.label_columns)
        elif self.target or self.label_columns:
            raise ValueError(
                f"{self.owner}: {self.named('target')} and "
                f"{self.named('label_columns')} must go with "
                f"{self.named('image_column')}, because a table says them of "
                f"each image. Received: data={self.data!r} without it. Name "
                "the column, or leave them out."
            )
        else:
            shared.check_of_use(
                self,
                "target_kind",
                why="images in folders and shards have classes",
            )


def usual_settings(recipe: ImageRecipe) -> dict[str, Any]:
    """Returns the settings that a recipe leaves to its backbone.

    Args:
        recipe: `ImageRecipe`, its backbone the one that is adapted.
    """
    from aet_keras.backbones.applications import EMBEDDED  # late: see above

    is_embedded = recipe.backbone == EMBEDDED
    usual = dict(_EMBEDDED_DEFAULTS if is_embedded else _USUAL_DEFAULTS)
    is_random = recipe.weights == "none" and recipe.from_ is None
    # The statistics of few new rows in each batch would undo what an earlier
    # model has learned, as soon as a group thaws.
    if recipe.lora is not None or is_random or recipe.from_ is not None:
        usual["train_batch_normalization"] = is_random
    return {k: v for k, v in usual.items() if getattr(recipe, k) is None}


def _check_adapted(recipe):
    """Raises unless adapters are all that is to learn in the backbone."""
    is_new = recipe.from_ is None  # an earlier model has learned all it has
    against = {
        "weights": recipe.weights == "none" and is_new,
        "attention": recipe.attention not in (None, "none") and is_new,
        "train_batch_normalization": recipe.train_batch_normalization,
    }
    for name, is_against in against.items():
        if is_against:
            raise ValueError(
                "Recipe: `lora` (`--lora`) must go with a pretrained backbone "
                "that stays as it is, because adapters learn in its place. "
                f"Received: {name}={getattr(recipe, name)!r}. Leave one out."
            )


Recipe = ImageRecipe  # the name by which users know it


def _check_trained(recipe):
    """Raises a `ValueError` if an untrained model should teach itself."""
    others = recipe.teacher, recipe.from_
    if recipe.unlabelled is None or others != (None, None):
        return
    raise ValueError(
        "Recipe: `unlabelled` (`--unlabelled`) must go with a backbone that "
        "has learned before, or with `teacher` (`--teacher`), because nothing "
        "else says what these images are. Received: weights='none'. Leave one "
        "of them out."
    )
