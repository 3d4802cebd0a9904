"""Defines the recipe of a run on texts."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from aet_keras import _choices
from aet_keras.recipes import shared_settings as shared
from aet_keras.recipes.base_recipe import BaseRecipe
from aet_keras.recipes.setting import setting


@dataclasses.dataclass(frozen=True)
class TextRecipe(BaseRecipe, kind="text", rows="texts"):
    """Writes a run on texts down: with the same data it can be done again.

    Args:
        data: str. A file that `aet_keras.data.read_csv` reads, a folder of
            `.txt` files, a folder a class, or `"tfds:NAME"`.
        {settings}

    Raises:
        ValueError: if an argument is out of its range.

    Example:

    >>> recipe = aet_keras.recipes.TextRecipe(
    ...     "reviews.csv", backbone="presets/minilm", epochs=3
    ... )
    >>> aet_keras.recipes.TextRecipe(**recipe.to_json()) == recipe
    True
    """

    built = "backbone", "vocabulary", "pooling", "dropout"

    text_column: str = setting("text", "Column of the texts.")
    label_column: str = setting(
        "label", "Column of their classes, a number, or tags such as red;wool."
    )
    missing: Sequence[str] | None = setting(None, shared.MISSING)
    backbone: str = setting("bert_small_en_uncased", shared.BACKBONE)
    vocabulary: str | None = setting(None, shared.VOCABULARY)
    sequence_length: int | None = setting(None, shared.SEQUENCE_LENGTH)
    epochs: int = setting(8, shared.EPOCHS)
    batch_size: int = setting(16, shared.BATCH_SIZE)
    learning_rate: float = setting(1e-3, shared.LEARNING_RATE)
    pooling: str = setting("mean", "Over the tokens.", among=_choices.POOLINGS)
    dropout: float = setting(0.1, shared.DROPOUT)
    thaw: dict[str, Any] | None = setting(None, shared.THAW, default="ThawAll")
    rate: dict[str, Any] | None = setting(
        None, shared.RATE, default="WarmupCosine"
    )
    anchor_strength: float | None = setting(
        None, shared.ANCHOR_STRENGTH, default="not held"
    )
    average_power: float | None = setting(
        4.0,
        "Judge and keep averages of the weights, the later the heavier; none "
        "keeps the weights themselves.",
        least=0,
        can_be_none=True,
    )
    class_weight: str | None = setting(None, shared.CLASS_WEIGHT)
    class_order: Sequence[str] | None = setting(None, shared.CLASS_ORDER)
    lora: int | None = setting(None, shared.LORA)
    teacher: str | None = setting(None, shared.TEACHER)
    coverage: float | None = setting(None, shared.COVERAGE)
    validation_ratio: float = setting(0.15, shared.VALIDATION_RATIO)
    test_ratio: float = setting(0.15, shared.TEST_RATIO)
    seed: int = setting(0, shared.SEED)
    encoding: str = setting("auto", shared.ENCODING)
    label_columns: Sequence[str] | None = setting(None, shared.LABEL_COLUMNS)
    target_kind: str = setting("auto", shared.TARGET_KIND)
    from_: str | None = setting(None, shared.FROM)

    def __post_init__(self) -> None:
        super().__post_init__()
        shared.check_tags(self, self.label_columns)
        if self.label_columns:
            why = f"{self.named('label_columns')} says what is predicted"
            shared.check_of_use(self, "label_column", why=why)
