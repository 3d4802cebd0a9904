"""What has to be known to repeat a run on texts?"""

import dataclasses
from typing import Any

from aet_keras import _check as check
from aet_keras.data import check_encoding
from aet_keras.policies import read_policy
from aet_keras.tasks import POOLINGS
from aet_keras.training.recipe import (
    MOST_COUNT,
    MOST_SEED,
    RATE_POLICIES,
    THAW_POLICIES,
)
from aet_keras.training.written_down import WrittenDown


@dataclasses.dataclass(frozen=True)
class TextRecipe(WrittenDown):
    """Writes a run on texts down: with the same data it can be done again.

    Args:
        data: str. A file that `aet_keras.data.read_csv` reads, a folder of
            `.txt` files, a folder a class, or `"tfds:NAME"`.
        text_column: str. Of a table. Defaults to `"text"`.
        label_column: str. Of a table. Defaults to `"label"`.
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
            `aet_keras.policies.describe_policy` writes it; one of
            `THAW_POLICIES`. Defaults to what suits texts.
        rate: optional dict, the policy of the learning rate; one of
            `RATE_POLICIES`. Defaults to what suits texts.
        anchor_strength: optional float > 0. How firmly the backbone is held
            where it was (`aet_keras.callbacks.ElasticAnchor`).
        average_power: optional float >= 0. Judge and keep averages of the
            weights (`aet_keras.callbacks.AverageWeights`); None: the weights
            themselves. Defaults to `4.0`.
        validation_ratio: float in (0, 1). Share of the texts, where the data
            has no validation split of its own.
        test_ratio: float in (0, 1). The same for the test split.
        seed: int >= 0. Of the splits, the start, and the order.
        encoding: str. Of the files, as of `aet_keras.data.read_csv`. Defaults
            to `"auto"`.

    Raises:
        ValueError: if an argument is out of its range.

    Example:

    >>> recipe = aet_keras.training.TextRecipe(
    ...     "reviews.csv", backbone="presets/minilm", epochs=3
    ... )
    >>> aet_keras.training.TextRecipe(**recipe.to_json()) == recipe
    True
    """

    data: str
    text_column: str = "text"
    label_column: str = "label"
    backbone: str = "bert_small_en_uncased"
    vocabulary: str | None = None
    sequence_length: int | None = None
    epochs: int = 8
    batch_size: int = 16
    learning_rate: float = 1e-3
    pooling: str = "mean"
    dropout: float = 0.1
    thaw: dict[str, Any] | None = None
    rate: dict[str, Any] | None = None
    anchor_strength: float | None = None
    average_power: float | None = 4.0
    validation_ratio: float = 0.15
    test_ratio: float = 0.15
    seed: int = 0
    encoding: str = "auto"

    def __post_init__(self):
        words = ("data", "text_column", "label_column", "backbone", "encoding")
        for name in words:
            check.text(self, **{name: getattr(self, name)})
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
        check_encoding("TextRecipe", self.encoding)
