"""Does a new recommender say what its baselines say, and no more?"""

import keras
import numpy as np
import pytest
import rating_data

from aet_keras import evaluation, tasks


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    dataset = rating_data.read_ratings(
        rating_data.write_ratings(folder / "films.csv")
    )
    return dataset, *rating_data.build_model(dataset)


def rows_of(built):
    dataset, _, tables, _ = built
    return tables.rows(dataset.test.inputs)


def test_a_new_model_predicts_what_the_biases_do(built):
    dataset, biases, _, model = built

    said = model.predict_on_batch(rows_of(built))["rating"]

    inputs = dataset.test.inputs
    wanted = biases.predict(inputs["user"], inputs["item"])
    np.testing.assert_allclose(said[:, 0], wanted, atol=1e-5)


def test_a_new_model_ranks_by_popularity(built):
    _, _, tables, model = built

    logits = model.predict_on_batch(rows_of(built))["rank"]

    wanted = np.log(tables.item_counts + 0.5)
    np.testing.assert_allclose(
        logits, wanted[None].repeat(len(logits), 0), rtol=1e-5
    )


def test_a_stranger_has_the_bias_of_the_own_history(built):
    dataset, biases, _, model = built
    rows = {name: each[:1].copy() for name, each in rows_of(built).items()}
    rows["user"][:] = 0
    rows["history_items"][:] = [[0, 0, 0, 0, 3, 5]]
    rows["history_ratings"][:] = [[9, 9, 9, 9, 4, 5]]

    said = model.predict_on_batch(rows)["rating"].item()

    level = biases.mean + biases.items
    own = (4 - level[3] + 5 - level[5]) / (2 + biases.user_strength)
    assert said == pytest.approx(level[rows["item"].item()] + own, abs=1e-5)


def test_training_moves_no_row_of_the_unknown(built):
    dataset, _, tables, _ = built
    _, _, model = rating_data.build_model(dataset)
    losses = {"rating": "mse", "rank": "mse"}
    model.compile("adam", losses, run_eagerly=True)  # no trace
    rows = tables.rows(dataset.train.inputs)
    seen = {name: each[:32] for name, each in rows.items()}
    targets = {
        "rating": dataset.train.labels[:32, None],
        "rank": np.ones((32, len(tables.item_counts)), "float32"),
    }

    for _ in range(3):
        model.train_on_batch(seen, targets)

    own = [
        model.get_layer(n).get_weights()[0]
        for n in tasks.rating_model.user_layers(model)
    ]
    assert len(own) == 5  # bias, vector, rank, and by two features
    assert all(not table[0].any() for table in own)
    assert all(table[1:].any() for table in own)


def test_a_saved_model_says_the_same(built, tmp_path):
    *_, model = built
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    rating_data.randomize_weights(copy)

    copy.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")

    wanted = copy.predict_on_batch(rows_of(built))
    said = loaded.predict_on_batch(rows_of(built))
    assert np.ptp(wanted["rating"]) > 0.5
    for name, values in wanted.items():
        np.testing.assert_array_equal(said[name], values)


def test_the_rating_is_the_formula(built):
    """One row of a model of two factors, computed without Keras."""
    dataset, biases, _, model = built
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    rating_data.randomize_weights(copy)
    rows = {n: each[:1] for n, each in rows_of(built).items()}
    rows["history_items"] = np.zeros_like(rows["history_items"])

    said = copy.predict_on_batch(rows)["rating"].item()

    def row(name, code):
        return copy.get_layer(name).get_weights()[0][code]

    u, i, f, g = (rows[n].item() for n in (*("user", "item"), *_FEATURES))
    wanted = biases.mean + row("user_bias", u) + row("item_bias", i)
    for side, code in (("user", f), ("item", g)):
        name = f"{side}_feature_0"
        wanted = wanted + row(f"of_{name}", code)
        wanted = wanted + row(f"user_by_{name}", u)[code]
        wanted = wanted + row(f"item_by_{name}", i)[code]
    wanted = wanted + row("user_factors", u) @ row("item_factors", i)
    assert said == pytest.approx(wanted.item(), abs=1e-5)


_FEATURES = ("user_features", "item_features")


def test_biases_of_others_are_refused(built):
    dataset, *_ = built
    other = evaluation.rating_biases.Biases(
        3.0, np.zeros(2), np.zeros(2), 1.0, 1.0
    )

    with pytest.raises(ValueError, match="fit_biases"):
        tasks.build_recommender(
            dataset.specification, other, item_counts=[0, 1]
        )
