"""Are interactions learned, measured over all items, and served?"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aet_keras import data, recipes
from aet_keras.errors import DataError
from aet_keras.export import rating_answers
from aet_keras.training.interaction_objective import (
    RankedNDCG,
    compared_cross_entropy,
)
from aet_keras.training.item_neighbours import solve_neighbours
from aet_keras.training.rating_job import JOB


def write(path, users=range(24)):
    """Writes who met what: items of the same remainder by three."""
    random = np.random.default_rng(0)
    lines = ["user,item,day,age"]
    for user in users:
        items = random.choice(np.arange(user % 3, 18, 3), 5, replace=False)
        lines += [
            f"u{user},i{item},2024-01-{1 + day:02},{user % 2}"
            for day, item in enumerate(items)
        ]
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("met")
    recipe = recipes.RatingRecipe(
        str(write(folder / "met.csv")),
        time="day",
        split="leave_last_out",
        user_features=("age",),
        rank_factors=2,
        history_length=4,
        epochs=2,
        negatives=6,
    )
    dataset = JOB.read(recipe)
    keras.utils.set_random_seed(0)
    run = JOB.fit(JOB.build(recipe, dataset), recipe, dataset)
    JOB.write(run.model, recipe, dataset, folder / "1")
    return dataset, run, tf.saved_model.load(str(folder / "1"))


def test_ranks_are_over_all_items_beside_two_baselines(done):
    dataset, run, _ = done

    test = JOB.measure(run, "met", dataset).test

    assert test.rmse is None
    assert list(test.baselines) == ["item neighbours", "popularity"]
    # Three of a user's six items are left, of 18: neighbours find the group.
    assert test.hit_rate == 1 == test.baselines["item neighbours"].hit_rate
    assert test.ndcg > test.baselines["popularity"].ndcg + 0.1
    assert "24 interactions" in test.to_text()


def test_the_cosine_baseline_is_that_of_numpy(done):
    dataset, run, _ = done
    train, test = dataset.train, dataset.test
    met = np.zeros((25, 19))
    met[train.inputs["user"][:, 0], train.inputs["item"][:, 0]] = 1
    scaled = met / np.maximum(1, np.sqrt(met.sum(axis=0)))
    scores = met[test.inputs["user"][:, 0]] @ (scaled.T @ scaled)
    tables = data.make_rating_tables([train], dataset.specification)

    from aet_keras.training.rating_measuring import item_cosine

    found = item_cosine(tables)(test.inputs["user"][:, 0])
    is_new = met[test.inputs["user"][:, 0]] == 0
    np.testing.assert_allclose(found[is_new], scores[is_new], atol=1e-12)


def test_negatives_are_drawn_anew_and_never_met(done):
    dataset, _, _ = done
    tables = data.make_rating_tables([dataset.train], dataset.specification)
    users, items = (dataset.train.inputs[n][:, 0] for n in ("user", "item"))
    compare = tables.comparisons(3, np.random.default_rng(0))

    first, second = compare(users, items), compare(users, items)

    for user, item, row in zip(users, items, first, strict=True):
        assert (row == 1).sum() == 3 and row[0] == 0 and row[item] == 2
        assert not row[np.setdiff1d(tables.rated(user), item)].any()
    assert (first != second).any()
    again = tables.comparisons(3, np.random.default_rng(0))
    np.testing.assert_array_equal(again(users, items), first)


def test_loss_and_metric_compare_what_the_labels_say():
    labels = np.array([[0, 1, 2, 0, 1], [0, 1, 0, 1, 1]], "uint8")
    logits = np.array([[9, 1.0, 2, 8, 3], [0, 1, 2, 3, 4]], "float32")
    odds = np.exp(logits[0, [1, 2, 4]])

    loss = keras.ops.convert_to_numpy(compared_cross_entropy(labels, logits))
    metric = RankedNDCG()
    metric.update_state(labels, logits)

    # The second row's item is unknown: nothing to learn, and not found.
    wanted = [-np.log(odds[1] / odds.sum()), 0]
    np.testing.assert_allclose(loss, wanted, rtol=1e-5)
    assert float(metric.result()) == pytest.approx(0.5 / np.log2(3), abs=1e-6)


def test_solved_neighbours_are_those_of_least_squares_without_oneself():
    met = np.random.default_rng(0).integers(0, 2, (30, 5)).astype(float)

    weights = solve_neighbours(met.T @ met, 3.0)

    for item in range(5):  # ridge regression of an item on the others
        others = np.delete(np.arange(5), item)
        x, y = met[:, others], met[:, item]
        ridge = np.linalg.solve(x.T @ x + 3.0 * np.eye(4), x.T @ y)
        np.testing.assert_allclose(weights[others, item], ridge, atol=1e-10)


def test_pairs_and_the_best_items_are_served_alike(done):
    dataset, run, served = done
    whole = data.make_rating_tables(
        [dataset.train, dataset.validation, dataset.test],
        dataset.specification,
        history_length=4,
    )

    best = served.signatures["top_k"](
        user=tf.constant(["u3"]), k=tf.constant([3])
    )
    names = best["items"][0].numpy()
    pairs = served.signatures["serving_default"](
        user=tf.constant([b"u3"] * 3), item=tf.constant(names)
    )

    np.testing.assert_allclose(pairs["scores"], best["scores"][0], atol=1e-6)
    codes = [1 + dataset.specification.users.index("u3")]
    inputs = {"user": np.array([codes] * 3), "item": np.zeros((3, 1), int)}
    inputs["item"][:, 0] = [
        1 + dataset.specification.items.index(name.decode()) for name in names
    ]
    rows = whole.rows(inputs, run.model.input)
    outputs = run.model.predict_on_batch(rows)
    said = np.asarray(rating_answers.scores_of(outputs, rows))
    np.testing.assert_allclose(pairs["scores"], said[:, 0], atol=1e-6)
    assert "ratings" not in best


def test_a_stranger_with_a_history_gets_what_goes_with_it(done):
    _, _, served = done

    said = served.signatures["history"](
        items=tf.constant([["i0", "i3", "i9"]]), k=tf.constant([3])
    )

    rest = {int(name.decode()[1:]) % 3 for name in said["items"][0].numpy()}
    assert rest == {0}


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"rating": "stars"}, "no column `stars`"),
        ({"split": "time"}, "Name its column"),
        ({"item_features": ("age",)}, "Leave them out"),
        ({"factors": 9}, "only a model of ratings has it"),
    ],
    ids=["rating", "time", "item features", "factors"],
)
def test_what_interactions_lack_is_said(tmp_path, settings, advice):
    recipe = recipes.RatingRecipe(str(write(tmp_path / "a.csv")), **settings)

    with pytest.raises(DataError, match=advice):
        JOB.read(recipe)


def test_negatives_are_not_for_ratings(tmp_path):
    path = tmp_path / "a.csv"
    rows = [f"u{i % 4},i{i % 5},{i % 3}" for i in range(20)]
    path.write_text("\n".join(["user,item,rating", *rows]))

    with pytest.raises(DataError, match="must go with interactions"):
        JOB.read(recipes.RatingRecipe(str(path), negatives=2))
