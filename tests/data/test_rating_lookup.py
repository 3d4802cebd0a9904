"""Is what is looked up by a code what stands in the ratings?"""

import numpy as np
import pytest
import rating_data

from aet_keras import data
from aet_keras.errors import DataError


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    return rating_data.read_ratings(
        rating_data.write_ratings(folder / "films.csv")
    )


def tables(dataset, length=4):
    return data.make_rating_tables(
        [dataset.train], dataset.specification, history_length=length
    )


def test_a_history_is_the_last_ratings_of_a_user(dataset):
    made = tables(dataset)

    users, items = (dataset.train.inputs[n][:, 0] for n in ("user", "item"))
    for user in range(1, len(made.history_items)):
        own = items[users == user]
        past = made.history_items[user]
        assert past[past > 0].tolist() == own[-4:].tolist()
        said = made.history_ratings[user][past > 0]
        assert (
            said.tolist() == dataset.train.labels[users == user][-4:].tolist()
        )
        assert made.rated(user).tolist() == own.tolist()


def test_the_unknown_have_no_history(dataset):
    made = tables(dataset)

    assert not made.history_items[0].any()
    assert not len(made.rated(0))
    assert not made.item_features[0].any()


def test_a_row_does_not_see_its_own_item(dataset):
    made = tables(dataset, length=50)

    rows = made.rows(dataset.train.inputs)

    item = dataset.train.inputs["item"]
    whole = made.history_items[dataset.train.inputs["user"][:, 0]]
    assert (whole == item).any(axis=1).all()
    assert not (rows["history_items"] == item).any()


def test_a_feature_is_the_most_frequent_one(dataset):
    made = tables(dataset)

    train = dataset.train.inputs
    for item in np.unique(train["item"]):
        values = train["item_features"][train["item"][:, 0] == item, 0]
        most = np.bincount(values).argmax()
        assert made.item_features[item, 0] == most


def test_batches_hold_every_rating_once(dataset):
    split = dataset.train

    batches = list(
        data.rating_lookup.make_rating_batches(
            split, tables(dataset), batch_size=40, shuffle_seed=0
        )
    )

    pairs = [
        (int(u), int(i), float(r))
        for x, y in batches
        for u, i, r in zip(
            x["user"][:, 0], x["item"][:, 0], y["rating"][:, 0], strict=True
        )
    ]
    wanted = zip(
        *(split.inputs[n][:, 0] for n in ("user", "item")),
        split.labels,
        strict=True,
    )
    assert sorted(pairs) == sorted(
        (int(u), int(i), float(r)) for u, i, r in wanted
    )


def test_codes_of_others_are_refused(dataset):
    other = data.specifications.RatingSpecification(
        "rating", (), None, "x", users=("a",)
    )

    with pytest.raises(DataError, match="were read with"):
        data.make_rating_tables([dataset.train], other)
