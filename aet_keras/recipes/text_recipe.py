"""Defines the recipe of a run on texts."""

import dataclasses
from collections.abc import Sequence
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
    check_cells,
)


@dataclasses.dataclass(frozen=True)
class TextRecipe(WrittenDown):
    """Writes a run on texts down: with the same data it can be done again.

    Args:
        data: str. A file that `aet_keras.data.read_csv` reads, a folder of
            `.txt` files, a folder a class, or `"tfds:NAME"`.
        text_column: str. Of a table. Defaults to `"text"`.
        label_column: str. Of a table. Defaults to `"label"`.
        missing: optional list of str. Words that mean that a row of a table
            has no label, as of `aet_keras.data.text_reading.read_text_table`.
        backbone: str. A preset of KerasHub, a folder that `save_to_preset`
            filled, or a `.keras` file of a saved backbone. Defaults to
            `"bert_small_en_uncased"`, which needs a download.
        vocabulary: optional str. With a `.keras` file: its WordPieces, or its
            SentencePiece model.
        sequence_length: optional int >= 3. Tokens of a text that are read.
            Defaults to what 95 % of the training texts have, at most 256.
        epochs: int >= 1. The most there will be. Defaults to `8`.
        batch_size: int >= 1. Defaults to `16`.
        learning_rate: float > 0. The head's, for Adam. Defaults to `1e-3`.
        pooling: `"mean"` or `"attention"`, as in
            `aet_keras.tasks.build_text_classifier`.
        dropout: float from 0 to 1, 1 excluded. Before the head.
        thaw: optional dict, the policy that thaws groups, as
            `aet_keras.policies.description.describe_policy` writes it; one of
            `THAW_POLICIES`. Defaults to what suits texts.
        rate: optional dict, the policy of the learning rate; one of
            `RATE_POLICIES`. Defaults to what suits texts.
        anchor_strength: optional float > 0. How firmly the backbone is held
            where it was (`aet_keras.callbacks.ElasticAnchor`).
        average_power: optional float >= 0. Judge and keep averages of the
            weights (`aet_keras.callbacks.AverageWeights`); None: the weights
            themselves. Defaults to `4.0`.
        class_weight: optional str, `"balanced"`: each class counts the same
            in training and validation, however many rows it has.
        validation_ratio: float in (0, 1). Share of the texts, where the data
            has no validation split of its own.
        test_ratio: float in (0, 1). The same for the test split.
        seed: int >= 0. Of the splits, the start, and the order.
        encoding: str. Of the files, as of `aet_keras.data.read_csv`. Defaults
            to `"auto"`.

    Raises:
        ValueError: if an argument is out of its range.

    Example:

    >>> recipe = aet_keras.recipes.TextRecipe(
    ...     "reviews.csv", backbone="presets/minilm", epochs=3
    ... )
    >>> aet_keras.recipes.TextRecipe(**recipe.to_json()) == recipe
    True
    """

    data: str
    text_column: str = setting("text", "Column of the texts.")
    label_column: str = setting("label", "Column of their classes.")
    missing: Sequence[str] | None = shared.missing()
    backbone: str = shared.backbone("bert_small_en_uncased")
    vocabulary: str | None = setting(
        None,
        "Of a backbone in a .keras file: its WordPieces or SentencePiece "
        "model.",
        metavar="FILE",
        default="the backbone's own",
    )
    sequence_length: int | None = setting(
        None,
        "Tokens of a text that are read.",
        "whole",
        least=3,
        default="those of 95 % of the texts, at most 256",
    )
    epochs: int = shared.epochs(8)
    batch_size: int = shared.batch_size(16)
    learning_rate: float = shared.learning_rate(1e-3)
    pooling: str = setting(
        "mean", "Over the tokens.", "choice", among=("mean", "attention")
    )
    dropout: float = shared.dropout(0.1)
    thaw: dict[str, Any] | None = shared.thaw("ThawAll")
    rate: dict[str, Any] | None = shared.rate("WarmupCosine")
    anchor_strength: float | None = shared.anchor_strength(None)
    average_power: float | None = setting(
        4.0,
        "Judge and keep averages of the weights, the later the heavier; none "
        "keeps the weights themselves.",
        "number",
        least=0,
        can_be_none=True,
    )
    class_weight: str | None = shared.class_weight()
    validation_ratio: float = shared.validation_ratio()
    test_ratio: float = shared.test_ratio()
    seed: int = shared.seed()
    encoding: str = shared.encoding("auto")

    def __post_init__(self):
        # Late: the help of `aet-keras fit` reads the fields without Keras.
        from aet_keras.policies.description import read_policy
        from aet_keras.tasks.text_model import POOLINGS

        words = ("data", "text_column", "label_column", "backbone", "encoding")
        for name in words:
            check.text(self, **{name: getattr(self, name)})
        check.encoding(self, encoding=self.encoding)
        check_cells(self)
        if self.vocabulary is not None:
            check.text(self, vocabulary=self.vocabulary)
        if self.sequence_length is not None:
            check.whole(
                self,
                least=3,
                up_to=MOST_COUNT,
                sequence_length=self.sequence_length,
            )
        check.positive_int(self, up_to=MOST_COUNT, epochs=self.epochs)
        check.positive_int(self, up_to=MOST_COUNT, batch_size=self.batch_size)
        check.positive(self, learning_rate=self.learning_rate)
        check.one_of(self, pooling=self.pooling, among=POOLINGS)
        check.number(self, least=0, most=0.999, dropout=self.dropout)
        for policy, among in (
            (self.thaw, THAW_POLICIES),
            (self.rate, RATE_POLICIES),
        ):
            if policy is not None:
                read_policy(policy, among=among, owner="TextRecipe")
        if self.anchor_strength is not None:
            check.positive(self, anchor_strength=self.anchor_strength)
        if self.average_power is not None:
            check.number(self, least=0, average_power=self.average_power)
        for name in ("validation_ratio", "test_ratio"):
            check.number(self, above=0, most=1, **{name: getattr(self, name)})
        check.whole(self, up_to=MOST_SEED, seed=self.seed)
        if self.class_weight is not None:
            check.one_of(
                self,
                class_weight=self.class_weight,
                among=shared.CLASS_WEIGHTS,
            )
