"""Defines the recipe of a run on items: an image, a text and columns."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from aet_keras import _check as check
from aet_keras.recipes import shared_settings as shared
from aet_keras.recipes.base_recipe import BaseRecipe
from aet_keras.recipes.setting import setting


@dataclasses.dataclass(frozen=True)
class ItemRecipe(BaseRecipe, kind="item", rows="items"):
    """Writes a run on items down: with the same data it can be done again.

    Each row of a table is an item: a file of an image, a text, and all other
    columns. One model looks at all of them.

    Args:
        data: str. A file that `aet_keras.data.read_csv` reads.
        {settings}

    Raises:
        ValueError: if an argument is out of its range.

    Example:

    >>> recipe = aet_keras.recipes.item_recipe.ItemRecipe(
    ...     "items.csv", image_column="file", text_column="title", target="kind"
    ... )
    >>> recipe.image_size
    64
    """

    built = (
        "backbone",
        "weights",
        "image_size",
        "text_backbone",
        "vocabulary",
        "dropout",
    )

    image_column: str = setting("image", shared.IMAGE_COLUMN)
    text_column: str = setting("text", "Column of the texts.")
    target: str | None = setting(None, shared.TARGET)
    label_columns: Sequence[str] | None = setting(None, shared.LABEL_COLUMNS)
    target_kind: str = setting("auto", shared.TARGET_KIND)
    kinds: dict[str, str] | None = setting(None, shared.KINDS)
    split_column: str | None = setting(None, shared.SPLIT_COLUMN)
    missing: Sequence[str] | None = setting(None, shared.MISSING)
    decimal: str | None = setting(None, shared.DECIMAL)
    date_formats: Sequence[str] | None = setting(None, shared.DATE_FORMATS)
    backbone: str = setting("embedded", shared.BACKBONE)
    weights: str | None = setting(None, shared.WEIGHTS)
    image_size: int = setting(None, shared.IMAGE_SIZE)
    text_backbone: str | None = setting(
        None,
        "Encoder of the texts: a preset of KerasHub, the folder of one, or "
        "FILE.keras.",
        metavar="NAME",
        default="counts of words and pairs of words",
    )
    vocabulary: str | None = setting(None, shared.VOCABULARY)
    sequence_length: int | None = setting(None, shared.SEQUENCE_LENGTH)
    epochs: int = setting(12, shared.EPOCHS)
    batch_size: int = setting(32, shared.BATCH_SIZE)
    learning_rate: float = setting(1e-3, shared.LEARNING_RATE)
    dropout: float = setting(0.2, shared.DROPOUT)
    thaw: dict[str, Any] | None = setting(
        None, shared.THAW, default="ThawTopThenAll"
    )
    rate: dict[str, Any] | None = setting(
        None, shared.RATE, default="AdaptToTrend:hold_ratio=0.4"
    )
    anchor_strength: float | None = setting(
        None, shared.ANCHOR_STRENGTH, default="not held"
    )
    from_: str | None = setting(None, shared.FROM)
    teacher: str | None = setting(None, shared.TEACHER)
    coverage: float | None = setting(None, shared.COVERAGE)
    report_by: Sequence[str] | None = setting(None, shared.REPORT_BY)
    validation_ratio: float = setting(0.15, shared.VALIDATION_RATIO)
    test_ratio: float = setting(0.15, shared.TEST_RATIO)
    seed: int = setting(0, shared.SEED)
    skip_bad: bool = setting(False, "Go on without those that cannot be read.")
    encoding: str = setting("auto", shared.ENCODING)

    def __post_init__(self) -> None:
        # Late: the help of `aet-keras fit` reads the fields without Keras.
        from aet_keras.backbones import backbone_names

        names = backbone_names()
        backbone = self.backbone
        check.known(self.owner, kind="backbone", among=names, backbone=backbone)
        if self.image_size is None:
            size = usual_image_size(backbone)
            object.__setattr__(self, "image_size", size)
        super().__post_init__()
        shared.check_earlier(self)
        shared.check_one_target(self, self.target, self.label_columns)
        if self.image_column == self.text_column:
            raise ValueError(
                f"{self.owner}: images and texts must be two columns. "
                f"Received: `{self.image_column}` for both. Name the other one."
            )


def usual_image_size(backbone: str) -> int:
    """Returns the height and width of images where a recipe says none."""
    from aet_keras.backbones.applications import EMBEDDED  # late: see above

    return 64 if backbone == EMBEDDED else 160
