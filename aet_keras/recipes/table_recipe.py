"""Defines the recipe of a run on a table."""

import dataclasses
from collections.abc import Sequence

from aet_keras import _check as check
from aet_keras.recipes import shared_settings as shared
from aet_keras.recipes.base_recipe import WrittenDown
from aet_keras.recipes.setting import required, setting
from aet_keras.recipes.shared_settings import MOST_COUNT, MOST_SEED, check_cells

_KINDS = ("number", "category", "date", "ignore")


@dataclasses.dataclass(frozen=True)
class TableRecipe(WrittenDown):
    """Writes a run on a table down: with the same data it can be done again.

    Args:
        data: str. A file that `aet_keras.data.read_csv` reads.
        target: str. The column to tell.
        positive: optional str. The class whose probability is the risk, as of
            `aet_keras.data.read_table`.
        kinds: optional dict of column to `"number"`, `"category"`, `"date"`
            or `"ignore"`, where the guess is wrong.
        split_column: optional str. A column that says `train`, `validation`
            or `test`.
        missing: optional list of str. Words that mean a missing cell, as of
            `aet_keras.data.read_table`.
        decimal: optional `"."` or `","`. The decimal sign where
            no cell shows it.
        date_formats: optional list of str. How dates are written where that
            is not clear, such as `"%d.%m.%Y"`.
        from_: optional str. Folder of a table classifier that
            `aet-keras fit` published: its columns, encoding and weights are
            where the run begins.
        cost_false_negative: float > 0. What it costs to miss a positive.
        cost_false_positive: float > 0. What a false alarm costs.
        epochs: int >= 1. The most there will be, of the network beside the
            linear path. Defaults to `40`.
        pretrain_epochs: int >= 0. Before them, epochs in which the network
            learns to guess masked cells, without labels. Defaults to `0`.
        batch_size: int >= 1. Defaults to `64`.
        learning_rate: float > 0. For AdamW. Defaults to `1e-3`.
        units: int >= 1. Width of a feature's token. Defaults to `16`.
        dropout: float from 0 to 1, 1 excluded. Defaults to `0.2`.
        anchor_strength: float > 0. How firmly an earlier model is held where
            it was; without `from_` there is none. Defaults to `0.1`.
        class_weight: optional str, `"balanced"`: each class counts the same
            in training and validation, however many rows it has.
        validation_ratio: float in (0, 1). Share of the rows.
        test_ratio: float in (0, 1).
        seed: int >= 0. Of the splits, the start, and the order.
        encoding: str. Of the file, as of `aet_keras.data.read_csv`. Defaults
            to `"auto"`.

    Raises:
        ValueError: if an argument is out of its range.

    Example:

    >>> recipe = aet_keras.recipes.TableRecipe("credit.csv", "paid")
    >>> aet_keras.recipes.TableRecipe(**recipe.to_json()) == recipe
    True
    """

    data: str
    target: str = required(
        "Column to tell from the others: a class, at most 1000 of them, 50 if "
        "they are numbers."
    )
    positive: str | None = setting(
        None,
        "The class whose probability is the risk.",
        default="1, yes or true, else the rarer one",
    )
    kinds: dict[str, str] | None = setting(
        None,
        "number, category, date or ignore, where the guess is wrong.",
        "pairs",
        option="--kind",
        metavar="COLUMN=KIND",
        default="what the cells show",
    )
    split_column: str | None = setting(
        None,
        "Column that says train, validation or test.",
        default="split at random",
    )
    missing: Sequence[str] | None = shared.missing()
    decimal: str | None = shared.decimal()
    date_formats: Sequence[str] | None = shared.date_formats()
    from_: str | None = shared.from_()
    cost_false_negative: float = setting(
        1.0, "What it costs to miss a positive.", "number", above=0
    )
    cost_false_positive: float = setting(
        1.0, "What a false alarm costs.", "number", above=0
    )
    epochs: int = shared.epochs(40)
    pretrain_epochs: int = setting(
        0, "First let the network guess masked cells.", "whole", least=0
    )
    batch_size: int = shared.batch_size(64)
    learning_rate: float = shared.learning_rate(1e-3)
    units: int = setting(16, "Width of a column's token.", "whole", least=1)
    dropout: float = shared.dropout(0.2)
    anchor_strength: float = shared.anchor_strength(0.1)
    class_weight: str | None = shared.class_weight()
    validation_ratio: float = shared.validation_ratio()
    test_ratio: float = shared.test_ratio()
    seed: int = shared.seed()
    encoding: str = shared.encoding("auto")

    def __post_init__(self):
        for name in ("data", "target", "encoding"):
            check.text(self, **{name: getattr(self, name)})
        for name in ("positive", "split_column", "from_"):
            if getattr(self, name) is not None:
                check.text(self, **{name: getattr(self, name)})
        if self.kinds is not None:
            check.instance(self, of=dict, kinds=self.kinds)
            for kind in self.kinds.values():
                check.one_of(self, kinds=kind, among=_KINDS)
        for name in ("epochs", "batch_size", "units"):
            check.positive_int(
                self, up_to=MOST_COUNT, **{name: getattr(self, name)}
            )
        for name in (
            "cost_false_negative",
            "cost_false_positive",
            "learning_rate",
            "anchor_strength",
        ):
            check.positive(self, **{name: getattr(self, name)})
        check.whole(
            self, up_to=MOST_COUNT, pretrain_epochs=self.pretrain_epochs
        )
        check.number(self, least=0, most=0.999, dropout=self.dropout)
        for name in ("validation_ratio", "test_ratio"):
            check.number(self, above=0, most=1, **{name: getattr(self, name)})
        check.whole(self, up_to=MOST_SEED, seed=self.seed)
        if self.class_weight is not None:
            check.one_of(
                self,
                class_weight=self.class_weight,
                among=shared.CLASS_WEIGHTS,
            )
        check.encoding(self, encoding=self.encoding)
        check_cells(self)
        for name in ("kinds", "missing", "decimal", "date_formats"):
            given = getattr(self, name)
            if self.from_ is not None and given is not None:
                raise ValueError(
                    f"TableRecipe: `{name}` must not go with `from_`, because "
                    "the earlier model knows its columns as they are. "
                    f"Received: {name}={given!r}. Leave it out, or train anew."
                )
