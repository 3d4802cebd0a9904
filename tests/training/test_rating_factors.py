"""Are factors solved as least squares solves them, and kept if they help?"""

import keras
import numpy as np
import pytest
import rating_data

from aet_keras.training import rating_factors
from aet_keras.training.fine_tune import Run
from aet_keras.training.rating_factors import solve_factors, solve_rows


def written(path, strength):
    """Users of two kinds, of which each likes every second item."""
    random = np.random.default_rng(0)
    lines = ["user,item,age,decade,rating"]
    for user in range(40):
        for item in random.choice(30, 20, replace=False):
            likes = 1 if user % 2 == item % 2 else -1
            said = 3 + strength * likes + random.normal(0, 0.5)
            lines.append(f"u{user},i{item},any,0,{said:.2f}")
    path.write_text("\n".join(lines))
    return rating_data.read_ratings(path)


def solved(dataset, taste=0.0):
    """Returns the model, what was said of it, and the errors of test rows."""
    _, tables, model = rating_data.build_model(dataset)
    layer = model.get_layer("history_taste")
    layer.set_weights([np.full(each.shape, taste) for each in layer.weights])
    run = Run(model, {"loss": [1.0]}, 1, (), [], [], [], None, 0.0)
    rows = tables.rows(dataset.test.inputs)
    before = model.predict(rows, verbose=0)["rating"][:, 0]
    args = dataset.train, dataset.validation, tables
    run = solve_factors(run, *args, seed=0)
    after = model.predict(rows, verbose=0)["rating"][:, 0]
    off = (np.std(each - dataset.test.labels) for each in (before, after))
    return model, run.cache_events[-1][1], *off


def factors(model):
    names = "user_factors", "item_factors"
    return [model.get_layer(name).get_weights()[0] for name in names]


@pytest.mark.parametrize("block", [1, 6, 99])
def test_a_ridge_regression_is_solved_for_each_code(block, monkeypatch):
    monkeypatch.setattr(rating_factors, "_BLOCK", block)
    random = np.random.default_rng(0)
    x, y = random.normal(size=(9, 3)), random.normal(size=9)
    codes, strengths = np.array([1, 0, 1, 1, 0, 1, 0, 1, 1]), [1.0, 2.0, 0.5]

    found = solve_rows(codes, x, y, strengths, 3)

    for code in (0, 1):  # as more rows, in least squares
        rows = codes == code
        whole = np.concatenate([x[rows], np.diag(np.sqrt(strengths))])
        wanted = np.linalg.lstsq(whole, np.append(y[rows], np.zeros(3)))[0]
        np.testing.assert_allclose(found[code], wanted)
    np.testing.assert_array_equal(found[2], 0)
    alone = solve_rows(codes[1:3], x[1:3], y[1:3], 0.0, 2)  # one row each
    np.testing.assert_allclose(alone[0] @ x[1], y[1], rtol=1e-6)


@pytest.mark.parametrize("taste", [0.0, 3.0], ids=["no history", "history"])
def test_what_users_like_is_found_and_predicted(tmp_path, taste):
    dataset = written(tmp_path / "a.csv", 1.0)

    model, said, before, after = solved(dataset, taste)

    assert before > 1.0 and after < 0.7, said  # noise has 0.5
    users, items = factors(model)
    np.testing.assert_array_equal([users[0], items[0]], 0)
    # v is least squares with u and the tastes; what is left has no more of it.
    rows = rating_factors._Rows(
        model, dataset.train, rating_data.build_model(dataset)[1]
    )
    strength = model.get_layer("item_factors").embeddings_regularizer.l2
    x = users[rows.users] + rows.taste
    left = rows.rest - np.sum(x * items[rows.items], axis=1)
    pull = np.zeros_like(items)
    np.add.at(pull, rows.items, x * left[:, None])
    np.testing.assert_allclose(
        pull, float(strength) * dataset.train.count * items, atol=1e-3
    )
    copy = keras.models.clone_model(model)  # as a file keeps it
    kept = copy.get_layer("user_factors").embeddings_regularizer.l2
    assert float(kept) == pytest.approx(float(strength))


def test_noise_gives_no_factors(tmp_path):
    dataset = written(tmp_path / "a.csv", 0.0)
    _, _, untouched = rating_data.build_model(dataset)

    model, said, before, after = solved(dataset)

    assert "not kept" in said and before == after
    strength = model.get_layer("item_factors").embeddings_regularizer.l2
    first = untouched.get_layer("item_factors").embeddings_regularizer.l2
    assert strength == first
