"""Keeps the ratings that a recommender was made of beside it."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from aet_keras import data
from aet_keras.data.image_arrays import load_arrays
from aet_keras.data.splits import SPLITS
from aet_keras.errors import DataError, ExportError

FILE = "ratings.npz"


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class KnownRatings(data.Dataset):
    """Holds all ratings that a published recommender was made of.

    Args:
        item_features: int32 `(items, features)`, as of `RatingTables`:
            what it takes an item to be of which nothing else is known.
    """

    item_features: np.ndarray

    def features_with(
        self,
        new: data.Split,
        specification: data.specifications.RatingSpecification,
    ) -> np.ndarray:
        """Returns what all items are, new ones as their ratings say.

        What a known one is taken to be is not for new ratings to say.

        Args:
            new: `Split` of new ratings.
            specification: of these, new items behind the known ones.
        """
        found = data.make_rating_tables([new], specification).item_features
        return np.concatenate(
            [self.item_features, found[len(self.item_features) :]]
        )


def keep_ratings(
    directory: Path, dataset: data.Dataset, item_features: np.ndarray
) -> None:
    """Writes ratings and their codes beside the model."""
    content = dataclasses.asdict(dataset.specification)
    del content["target_format"]  # ratings are read as numbers before
    arrays: dict[str, Any] = {
        "specification": np.array(json.dumps(content)),
        "item_features": item_features,
    }
    for name in SPLITS:
        split = getattr(dataset, name)
        arrays[f"{name}/rating"] = split.labels
        for column, codes in split.inputs.items():
            arrays[f"{name}/{column}"] = codes
    np.savez_compressed(directory / FILE, **arrays)


def kept_ratings(version: Path) -> KnownRatings:
    """Reads what `keep_ratings` wrote.

    Raises:
        ExportError: if there is nothing to read.
    """
    try:
        arrays = load_arrays(version / FILE)
    except DataError as error:
        raise ExportError(
            f"{version}: an earlier recommender must have its ratings beside "
            f"it, in `{FILE}`, because those of new users come behind them. "
            f"Received: {error.__cause__ or error}. Name a folder that "
            "`aet-keras fit FILE.csv --user` published, in 0.9.0 or later."
        ) from error
    return KnownRatings(
        **{name: _split(arrays, name) for name in SPLITS},
        specification=_specification(json.loads(str(arrays["specification"]))),
        item_features=arrays["item_features"],
    )


def _split(arrays, name):
    columns = {
        key.partition("/")[2]: array
        for key, array in arrays.items()
        if key.startswith(f"{name}/")
    }
    labels = columns.pop("rating")
    names = tuple(f"known rating {i + 1}" for i in range(len(labels)))
    return data.Split(columns, labels, names)


def _specification(content):
    for role in ("user_features", "item_features"):
        content[role] = tuple(
            data.specifications.RatingFeature(
                each["column"], tuple(each["values"])
            )
            for each in content[role]
        )
    for name in ("class_names", "users", "items"):
        content[name] = tuple(content[name])
    return data.specifications.RatingSpecification(**content)
