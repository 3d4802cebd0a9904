"""Defines the recipe of a run on a table."""

import dataclasses
from collections.abc import Sequence

from aet_keras.recipes import shared_settings as shared
from aet_keras.recipes.base_recipe import BaseRecipe
from aet_keras.recipes.setting import setting


@dataclasses.dataclass(frozen=True)
class TableRecipe(BaseRecipe, kind="table", rows="tables"):
    """Writes a run on a table down: with the same data it can be done again.

    Args:
        data: str. A file that `aet_keras.data.read_csv` reads.
        {settings}

    Raises:
        ValueError: if an argument is out of its range.

    Example:

    >>> recipe = aet_keras.recipes.TableRecipe("credit.csv", "paid")
    >>> aet_keras.recipes.TableRecipe(**recipe.to_json()) == recipe
    True
    """

    target: str | None = setting(None, shared.TARGET)
    target_kind: str = setting("auto", shared.TARGET_KIND)
    positive: str | None = setting(
        None,
        "The class whose probability is the risk.",
        default="1, yes or true, else the rarer one",
    )
    kinds: dict[str, str] | None = setting(None, shared.KINDS)
    split_column: str | None = setting(None, shared.SPLIT_COLUMN)
    missing: Sequence[str] | None = setting(None, shared.MISSING)
    decimal: str | None = setting(None, shared.DECIMAL)
    date_formats: Sequence[str] | None = setting(None, shared.DATE_FORMATS)
    from_: str | None = setting(None, shared.FROM)
    cost_false_negative: float = setting(
        1.0, "What it costs to miss a positive.", above=0
    )
    cost_false_positive: float = setting(
        1.0, "What a false alarm costs.", above=0
    )
    epochs: int | None = setting(
        None,
        shared.EPOCHS,
        default="40, fewer of more than 12,800 rows (2,000 steps, at least 4 "
        "epochs), with --from 40",
    )
    pretrain_epochs: int = setting(
        0, "First let the network guess masked cells.", least=0
    )
    batch_size: int | None = setting(
        None,
        shared.BATCH_SIZE,
        default="a fiftieth of the rows, from 16 to 256, with --from 64",
    )
    learning_rate: float | None = setting(
        None, shared.LEARNING_RATE, default="3e-3, with --from 1e-3"
    )
    units: int = setting(16, "Width of a column's token.", least=1)
    dropout: float = setting(0.2, shared.DROPOUT)
    anchor_strength: float = setting(0.1, shared.ANCHOR_STRENGTH)
    class_weight: str | None = setting(None, shared.CLASS_WEIGHT)
    class_order: Sequence[str] | None = setting(None, shared.CLASS_ORDER)
    coverage: float | None = setting(None, shared.COVERAGE)
    report_by: Sequence[str] | None = setting(None, shared.REPORT_BY)
    validation_ratio: float = setting(0.15, shared.VALIDATION_RATIO)
    test_ratio: float = setting(0.15, shared.TEST_RATIO)
    seed: int = setting(0, shared.SEED)
    encoding: str = setting("auto", shared.ENCODING)
    label_columns: Sequence[str] | None = setting(None, shared.LABEL_COLUMNS)
    teacher: str | None = setting(None, shared.TEACHER)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_target()
        if self.from_ is None:
            why = "there is no earlier model (`--from`) to be held at"
            shared.check_of_use(self, "anchor_strength", why=why)
        shared.check_earlier(self)

    def _check_target(self) -> None:
        """Refuses no target, and what only classes have of others."""
        shared.check_one_target(self, self.target, self.label_columns)
        if self.positive is not None and (
            self.label_columns or self.target_kind == "tags"
        ):
            raise ValueError(
                "TableRecipe: `positive` must go with classes, because tags "
                f"have none. Received: positive={self.positive!r}. Leave it "
                "out."
            )
        for name in ("positive", "class_weight"):
            given = getattr(self, name)
            if self.target_kind == "number" and given is not None:
                raise ValueError(
                    f"TableRecipe: `{name}` must go with classes, because a "
                    f"number has none. Received: {name}={given!r}. Leave it "
                    "out, or say `--target-kind classes`."
                )
