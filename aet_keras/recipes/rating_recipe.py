"""Defines the recipe of a run on ratings."""

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
    check_cells,
)


@dataclasses.dataclass(frozen=True)
class RatingRecipe(WrittenDown):
    """Writes a run on ratings down: with the same data it can be done again.

    Args:
        data: str. A file that `aet_keras.data.read_csv` reads.
        user: str. The column of the users' ids. Defaults to `"user"`.
        item: str. The column of the items' ids. Defaults to `"item"`.
        rating: str. The column of the ratings. Defaults to `"rating"`.
        split: `"random"` or `"leave_last_out"`, as in
            `aet_keras.data.read_ratings`.
        time: optional str. The column that says which rating is the last.
        missing: optional list of str. Words that mean a missing cell, as of
            `aet_keras.data.read_ratings`.
        decimal: optional `"."` or `","`. The decimal sign where
            no cell shows it.
        date_formats: optional list of str. How the dates of `time` are
            written where that is not clear, such as `"%d.%m.%Y"`.
        from_: optional str. Folder of a recommender that `run_recipe`
            published. It learns users that it does not know, and nothing
            else: sizes, strengths and features are its own, whatever is said
            of them here.
        user_features: tuple of str. Columns about users.
        item_features: tuple of str. Columns about items.
        factors: int >= 1. As in `aet_keras.tasks.build_recommender`.
        rank_factors: int >= 1. Likewise.
        history_length: int >= 1. Likewise.
        user_effect_strength: float >= 0. Likewise.
        item_effect_strength: float >= 0. Likewise.
        factor_strength: float >= 0. Likewise.
        rank_strength: float >= 0. Likewise.
        epochs: int >= 1. The most there will be. Defaults to `16`.
        batch_size: optional int >= 1. Defaults to `1024`; with `from_` to
            `256`, because new users have few ratings.
        learning_rate: float > 0. For Adam. Defaults to `2e-2`.
        rate: optional dict, the policy of the learning rate; one of
            `RATE_POLICIES`. Defaults to `WarmupCosine`.
        validation_ratio: float in (0, 1). Of a random split.
        test_ratio: float in (0, 1). Likewise.
        seed: int >= 0. Of the splits, the start, and the order.
        encoding: str. Of the file, as of `aet_keras.data.read_csv`. Defaults
            to `"auto"`.

    Raises:
        ValueError: if an argument is out of its range.

    Example:

    >>> recipe = aet_keras.recipes.RatingRecipe("films.csv", item="film")
    >>> aet_keras.recipes.RatingRecipe(**recipe.to_json()) == recipe
    True
    """

    data: str
    user: str = setting("user", "Column of who rates.")
    item: str = setting("item", "Column of what is rated.")
    rating: str = setting("rating", "Column of the ratings.")
    split: str = setting(
        "random",
        "Which ratings are tested: any, or the last of each user.",
        "choice",
        among=("random", "leave_last_out"),
    )
    time: str | None = setting(
        None,
        "Column that says which rating is the last.",
        default="the order of the rows",
    )
    missing: Sequence[str] | None = shared.missing()
    decimal: str | None = shared.decimal()
    date_formats: Sequence[str] | None = shared.date_formats()
    from_: str | None = shared.from_()
    user_features: tuple[str, ...] = setting(
        (),
        "A column about users.",
        "words",
        option="--user-feature",
        metavar="COLUMN",
        default="no column",
    )
    item_features: tuple[str, ...] = setting(
        (),
        "A column about items.",
        "words",
        option="--item-feature",
        metavar="COLUMN",
        default="no column",
    )
    factors: int = setting(
        8, "Factors of a user and an item, for the rating.", "whole", least=1
    )
    rank_factors: int = setting(
        32, "Factors of an item, for the order.", "whole", least=1
    )
    history_length: int = setting(
        50, "Past ratings of a user that are looked at.", "whole", least=1
    )
    user_effect_strength: float = setting(
        120.0,
        "Holds what a feature adds for one user near 0.",
        "number",
        least=0,
    )
    item_effect_strength: float = setting(
        30.0,
        "Holds what a feature adds for one item near 0.",
        "number",
        least=0,
    )
    factor_strength: float = setting(
        40.0, "Holds the factors of ratings near 0.", "number", least=0
    )
    rank_strength: float = setting(
        5.0, "Holds the factors of the order near 0.", "number", least=0
    )
    epochs: int = shared.epochs(16)
    batch_size: int | None = shared.batch_size(None, "1024, with --from 256")
    learning_rate: float = shared.learning_rate(2e-2)
    rate: dict[str, Any] | None = shared.rate("WarmupCosine")
    validation_ratio: float = shared.validation_ratio()
    test_ratio: float = shared.test_ratio()
    seed: int = shared.seed()
    encoding: str = shared.encoding("auto")

    def __post_init__(self):
        # Late: the help of `aet-keras fit` reads the fields without Keras.
        from aet_keras.data.rating_reading import RATING_SPLITS
        from aet_keras.policies.description import read_policy

        for name in ("user_features", "item_features"):  # JSON holds lists
            check.instance(self, of=list | tuple, **{name: getattr(self, name)})
            object.__setattr__(self, name, tuple(getattr(self, name)))
            for column in getattr(self, name):
                check.text(self, **{name: column})
        for name in ("data", "user", "item", "rating", "encoding"):
            check.text(self, **{name: getattr(self, name)})
        for name in ("time", "from_"):
            if getattr(self, name) is not None:
                check.text(self, **{name: getattr(self, name)})
        check.encoding(self, encoding=self.encoding)
        check_cells(self)
        check.one_of(self, split=self.split, among=RATING_SPLITS)
        for name in (
            "factors",
            "rank_factors",
            "history_length",
            "epochs",
        ):
            check.positive_int(
                self, up_to=MOST_COUNT, **{name: getattr(self, name)}
            )
        if self.batch_size is not None:
            check.positive_int(
                self, up_to=MOST_COUNT, batch_size=self.batch_size
            )
        for name in (
            "user_effect_strength",
            "item_effect_strength",
            "factor_strength",
            "rank_strength",
        ):
            check.number(self, least=0, **{name: getattr(self, name)})
        check.positive(self, learning_rate=self.learning_rate)
        if self.rate is not None:
            read_policy(self.rate, among=RATE_POLICIES, owner="RatingRecipe")
        for name in ("validation_ratio", "test_ratio"):
            check.number(self, above=0, most=1, **{name: getattr(self, name)})
        check.whole(self, up_to=MOST_SEED, seed=self.seed)
