"""Defines the recipe of a run on images."""

import dataclasses
from typing import Any

from aet_keras import _check as check
from aet_keras.recipes import shared_settings as shared
from aet_keras.recipes.base_recipe import WrittenDown
from aet_keras.recipes.setting import setting
from aet_keras.recipes.shared_settings import (
    MOST_COUNT,
    MOST_SEED,
    RATE_POLICIES,
    THAW_POLICIES,
)

# What a backbone is adapted with where the user does not say. The embedded one
# was trained at 64 pixels, has further to go, and learns its few pictures by
# heart unless they vary. The weights that Keras hands out for MobileNetV2 know
# 160, a fair price on a machine without accelerator.
_OWNER = "Recipe"  # the name by which users know it
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
class ImageRecipe(WrittenDown):
    """Writes a run down: with the same data it can be done again.

    Args:
        data: str. `"digits"`, a folder of pictures, an `.npz` file, or
            `"tfds:NAME"`.
        backbone: str. One of `aet_keras.backbones.backbone_names()`.
        weights: optional str. `"imagenet"`, `"none"`, or a `.weights.h5`
            file. Defaults to what the backbone comes with. With `"none"`
            every group moves from the start.
        image_size: int from 1 to 8192. Height and width in pixels. Defaults to
            64 for the embedded backbone and to 160 for the others.
        epochs: int >= 1. Defaults to `20`.
        batch_size: int >= 1. Defaults to `32`.
        learning_rate: float > 0. The head's, for Adam. Defaults to `3e-3` for
            the embedded backbone, which has further to go, and to `1e-3` for
            the others.
        augment: `"none"`, `"flip"`, `"light"` or `"strong"`. Defaults to
            `"light"` for the embedded backbone and to `"none"` for the others.
        train_batch_normalization: bool. Whether BatchNormalization in the
            groups trains with them. Defaults to `True` for random weights and
            the embedded backbone, whose averages are those of clothes drawn
            in grey, and to `False` for the others.
        attention: `"none"`, `"se"`, `"eca"`, `"cbam"`, `"soft"` or
            `"pooling"`, as in `aet_keras.tasks.build_image_classifier`.
        attention_ratio: optional int >= 1. Channels a hidden unit of `"se"`
            and `"cbam"`.
        head_units: int >= 0. Width of a hidden layer in the head; 0, the
            default, does without.
        dropout: float from 0 to 1, 1 excluded. Before the head.
        thaw: optional dict, the policy that thaws groups, as
            `aet_keras.policies.description.describe_policy` writes it; one of
            `THAW_POLICIES`. Defaults to what suits the backbone.
        rate: optional dict, the policy of the learning rate; one of
            `RATE_POLICIES`. Defaults to `AdaptToTrend`.
        anchor_strength: optional float > 0. How firmly the backbone is held
            where it was (`aet_keras.callbacks.ElasticAnchor`).
        class_weight: optional str, `"balanced"`: each class counts the same
            in training and validation, however many rows it has.
        validation_ratio: float in (0, 1). Share of the pictures, where the
            data has no validation split of its own.
        test_ratio: float. The same for the test split.
        seed: int >= 0. Of the splits, the start, and the order.
        skip_bad: bool. Go on without pictures that cannot be read.

    Raises:
        ValueError: if an argument is out of its range.

    Example:

    >>> recipe = aet_keras.recipes.Recipe("digits", epochs=3)
    >>> recipe.image_size
    64
    >>> aet_keras.recipes.Recipe(**recipe.to_json()) == recipe
    True
    """

    data: str
    backbone: str = shared.backbone("embedded")
    weights: str | None = setting(
        None,
        "imagenet, none (random), or FILE.weights.h5.",
        default="what the backbone comes with",
    )
    image_size: int = setting(
        None,
        "Height and width in pixels.",
        "whole",
        least=1,
        default="64 embedded, 160 others",
    )
    epochs: int = shared.epochs(20)
    batch_size: int = shared.batch_size(32)
    learning_rate: float | None = shared.learning_rate(
        None, "1e-3, embedded 3e-3"
    )
    augment: str = setting(
        None,
        "Change the training pictures at random.",
        "choice",
        among=("none", "flip", "light", "strong"),
        default="light embedded, none others",
    )
    train_batch_normalization: bool = setting(
        None,
        "Let BatchNormalization train with its group.",
        "flag",
        default="yes for random weights and embedded, no for others",
    )
    attention: str = setting(
        "none",
        "Graft attention into the upper groups; nothing changes before it "
        "learns.",
        "choice",
        among=("none", "se", "eca", "cbam", "soft", "pooling"),
    )
    attention_ratio: int | None = setting(
        None,
        "Channels that share a hidden unit of se and cbam.",
        "whole",
        least=1,
        default="what the layer has",
    )
    head_units: int = setting(
        0, "Width of a hidden layer in the head; 0 has none.", "whole", least=0
    )
    dropout: float = shared.dropout(0.2)
    thaw: dict[str, Any] | None = shared.thaw("what suits the backbone")
    rate: dict[str, Any] | None = shared.rate("AdaptToTrend")
    anchor_strength: float | None = shared.anchor_strength(None)
    class_weight: str | None = shared.class_weight()
    validation_ratio: float = shared.validation_ratio()
    test_ratio: float = shared.test_ratio()
    seed: int = shared.seed()
    skip_bad: bool = setting(
        False, "Go on without those that cannot be read.", "flag"
    )

    def __post_init__(self):
        # Late: the help of `aet-keras fit` reads the fields without Keras.
        from aet_keras.backbones import EMBEDDED, backbone_names
        from aet_keras.policies.description import read_policy
        from aet_keras.tasks.image_model import check_attention

        is_embedded = self.backbone == EMBEDDED
        defaults = _EMBEDDED_DEFAULTS if is_embedded else _USUAL_DEFAULTS
        if self.weights == "none":
            defaults = {**defaults, "train_batch_normalization": True}
        for name, value in defaults.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        check.text(_OWNER, data=self.data)
        check.known(
            _OWNER,
            kind="backbone",
            among=backbone_names(),
            backbone=self.backbone,
        )
        if self.weights is not None:
            check.text(_OWNER, weights=self.weights)
        check.positive_int(_OWNER, up_to=8192, image_size=self.image_size)
        check.positive_int(_OWNER, up_to=MOST_COUNT, epochs=self.epochs)
        check.positive_int(_OWNER, up_to=MOST_COUNT, batch_size=self.batch_size)
        check.positive(_OWNER, learning_rate=self.learning_rate)
        check.one_of(
            _OWNER,
            augment=self.augment,
            among=("none", "flip", "light", "strong"),
        )
        check_attention(_OWNER, self.attention, self.attention_ratio)
        check.whole(_OWNER, up_to=MOST_COUNT, head_units=self.head_units)
        check.boolean(
            _OWNER, train_batch_normalization=self.train_batch_normalization
        )
        check.number(_OWNER, least=0, most=0.999, dropout=self.dropout)
        for name in ("validation_ratio", "test_ratio"):
            check.number(_OWNER, above=0, most=1, **{name: getattr(self, name)})
        check.whole(_OWNER, up_to=MOST_SEED, seed=self.seed)
        if self.class_weight is not None:
            check.one_of(
                _OWNER,
                class_weight=self.class_weight,
                among=shared.CLASS_WEIGHTS,
            )
        check.boolean(_OWNER, skip_bad=self.skip_bad)
        for policy, among in (
            (self.thaw, THAW_POLICIES),
            (self.rate, RATE_POLICIES),
        ):
            if policy is not None:
                read_policy(policy, among=among, owner=_OWNER)
        if self.anchor_strength is not None:
            check.positive(_OWNER, anchor_strength=self.anchor_strength)


Recipe = ImageRecipe  # the name by which users know it
