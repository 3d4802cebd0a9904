"""Defines the recipe of a run on ratings."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from aet_keras import _choices
from aet_keras.recipes import shared_settings as shared
from aet_keras.recipes.base_recipe import BaseRecipe
from aet_keras.recipes.setting import setting


@dataclasses.dataclass(frozen=True)
class RatingRecipe(BaseRecipe, kind="rating", rows="ratings"):
    """Writes a run on ratings down: with the same data it can be done again.

    Args:
        data: str. A file that `aet_keras.data.read_csv` reads.
        {settings}

    Raises:
        ValueError: if an argument is out of its range.

    Example:

    >>> recipe = aet_keras.recipes.RatingRecipe("films.csv", item="film")
    >>> aet_keras.recipes.RatingRecipe(**recipe.to_json()) == recipe
    True
    """

    user: str = setting("user", "Column of who rates.")
    item: str = setting("item", "Column of what is rated.")
    rating: str | None = setting(
        None,
        "Column of the ratings. Without one, each row is an interaction.",
        default="rating, if there is one",
    )
    split: str | None = setting(
        None,
        "Which rows are tested: any, the last of each user, or the last.",
        among=_choices.RATING_SPLITS,
        default="time with --time, else random",
    )
    time: str | None = setting(
        None,
        "Column of times, which say what comes last.",
        default="the order of the rows",
    )
    missing: Sequence[str] | None = setting(None, shared.MISSING)
    decimal: str | None = setting(None, shared.DECIMAL)
    date_formats: Sequence[str] | None = setting(None, shared.DATE_FORMATS)
    from_: str | None = setting(None, shared.FROM)
    user_features: tuple[str, ...] = setting(
        (),
        "A column about users.",
        kind="columns",
        option="--user-feature",
        metavar="COLUMN",
        default="no column",
    )
    item_features: tuple[str, ...] = setting(
        (),
        "A column about items.",
        kind="columns",
        option="--item-feature",
        metavar="COLUMN",
        default="no column",
    )
    factors: int = setting(
        16, "Factors of a user and an item, for the rating.", least=1
    )
    rank_factors: int = setting(
        32, "Factors of an item, for the order.", least=1
    )
    history_length: int = setting(
        50, "Past ratings of a user that are looked at.", least=1
    )
    user_effect_strength: float = setting(
        120.0, "Holds what a feature adds for one user near 0.", least=0
    )
    item_effect_strength: float = setting(
        30.0, "Holds what a feature adds for one item near 0.", least=0
    )
    factor_strength: float = setting(
        40.0, "Holds the factors of ratings near 0.", least=0
    )
    rank_strength: float = setting(
        5.0, "Holds the factors of the order near 0.", least=0
    )
    negatives: int | None = setting(
        None,
        "Items drawn in each epoch that an interaction is compared with.",
        least=1,
        default="all that the user has not met",
    )
    epochs: int = setting(16, shared.EPOCHS)
    batch_size: int | None = setting(
        None, shared.BATCH_SIZE, default="1024, with --from 256"
    )
    learning_rate: float = setting(2e-2, shared.LEARNING_RATE)
    rate: dict[str, Any] | None = setting(
        None, shared.RATE, default="WarmupCosine"
    )
    validation_ratio: float = setting(0.15, shared.VALIDATION_RATIO)
    test_ratio: float = setting(0.15, shared.TEST_RATIO)
    seed: int = setting(0, shared.SEED)
    encoding: str = setting("auto", shared.ENCODING)
