"""What has to be known to repeat a run on ratings?"""

import dataclasses
from typing import Any

from aet_keras import _check as check
from aet_keras.data import RATING_SPLITS, check_encoding
from aet_keras.policies import read_policy
from aet_keras.training.recipe import MOST_COUNT, MOST_SEED, RATE_POLICIES
from aet_keras.training.written_down import WrittenDown


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

    >>> recipe = aet_keras.training.RatingRecipe("films.csv", item="film")
    >>> aet_keras.training.RatingRecipe(**recipe.to_json()) == recipe
    True
    """

    data: str
    user: str = "user"
    item: str = "item"
    rating: str = "rating"
    split: str = "random"
    time: str | None = None
    from_: str | None = None
    user_features: tuple[str, ...] = ()
    item_features: tuple[str, ...] = ()
    factors: int = 8
    rank_factors: int = 32
    history_length: int = 50
    user_effect_strength: float = 120.0
    item_effect_strength: float = 30.0
    factor_strength: float = 40.0
    rank_strength: float = 5.0
    epochs: int = 16
    batch_size: int | None = None
    learning_rate: float = 2e-2
    rate: dict[str, Any] | None = None
    validation_ratio: float = 0.15
    test_ratio: float = 0.15
    seed: int = 0
    encoding: str = "auto"

    def __post_init__(self):
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
        check_encoding("RatingRecipe", self.encoding)
