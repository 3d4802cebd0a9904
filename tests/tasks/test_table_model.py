"""Is a row encoded as by scikit-learn, and does a new network add nothing?"""

import keras
import numpy as np
import pytest
from sklearn.preprocessing import OneHotEncoder

from aet_keras import data, tasks
from aet_keras.tasks import table_head

COLUMNS = [
    data.specifications.TableColumn("branch", "category", "branch"),
    data.specifications.TableColumn("age", "number", "age"),
    data.specifications.TableColumn("opened", "date", "opened"),
]
INPUTS = {
    "branch": np.array(["b", "b", "a", "a", "a", "", "", "rare"], object),
    "age": np.array([1, 2, 3, 4, 5, 6, 7, np.nan], "float32"),
    "opened": np.arange(19000, 19008, dtype="float32"),
}


@pytest.fixture(scope="module")
def space():
    return tasks.table_model.fit_feature_space(
        COLUMNS, INPUTS, least_count=2, bin_count=2
    )


def encode(space, inputs):
    tensors = data.as_tensors(inputs)
    model = keras.Model(dict(space.get_inputs()), space.get_encoded_features())
    return np.asarray(model(tensors))


def test_categories_are_those_of_scikit_learn(space):
    encoder = OneHotEncoder(min_frequency=2, sparse_output=False)
    cells = INPUTS["branch"][:, None]
    expected = encoder.fit_transform(cells)  # "", a, b, and all rare ones

    found = encode(space, INPUTS)[:, 4:8]  # rare ones, a, "", b

    assert [*found.sum(axis=0)] == [1, 3, 2, 2]
    order = [int((found[:, i] @ expected).argmax()) for i in range(4)]
    np.testing.assert_array_equal(found, expected[:, order])
    assert sorted(order) == [0, 1, 2, 3]


def test_a_category_never_seen_is_a_rare_one(space):
    unseen = {**INPUTS, "branch": np.array(["x"] * 8, object)}

    found = encode(space, unseen)[:, 4:8]

    np.testing.assert_array_equal(found, [[1, 0, 0, 0]] * 8)


def test_a_missing_number_is_the_median_and_marked(space):
    found = encode(space, INPUTS)[:, :3]

    filled = np.array([1, 2, 3, 4, 5, 6, 7, 4.0])
    np.testing.assert_allclose(
        found[:, 0], (filled - filled.mean()) / filled.std(), rtol=1e-5
    )
    assert found[:, 1].tolist() == [0] * 7 + [1]


def test_a_number_is_at_most_half_the_range_beyond_those_learned():
    space = tasks.table_model.fit_feature_space(COLUMNS, INPUTS)
    model = tasks.build_table_classifier(space, class_count=2, units=4)
    encoder = keras.Model(model.input, model.get_layer("encoded").output)

    def ages(*cells):
        rows = {k: np.repeat(v[:1], len(cells)) for k, v in INPUTS.items()}
        rows["age"] = np.float32(cells)
        return np.asarray(encoder(data.as_tensors(rows)))

    # from 1 to 7: a slip to 50 is 10, until rows that reach 21 are learned
    slip, bound, below = ages(50, 10, -9)
    np.testing.assert_array_equal(slip, bound)
    np.testing.assert_array_equal(below, ages(-2)[0])
    tasks.table_model.widen_numbers(model, {"age": np.float32([3, np.nan, 21])})
    np.testing.assert_array_equal(ages(50)[0], ages(30)[0])
    assert (ages(-9)[0] != ages(-2)[0]).any()  # 3 - 9 = -6
    np.testing.assert_array_equal(ages(-9)[0], ages(-6)[0])


def test_a_date_has_a_week(space):
    week = encode(space, INPUTS)[:, -4:-2]

    np.testing.assert_allclose(week[0], week[7], atol=1e-2)  # 7 days later
    assert not np.allclose(week[0], week[3], atol=0.1)


def test_a_new_network_is_its_linear_path(space):
    model = tasks.build_table_classifier(space, class_count=3, units=4)
    network = model.get_layer(tasks.table_model.NETWORK)
    linear = network.get_layer("linear")
    linear.set_weights([np.random.normal(size=w.shape) for w in linear.weights])
    rows = encode(space, INPUTS)

    logits = rows @ linear.kernel.numpy() + linear.bias.numpy()

    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = model(data.as_tensors(INPUTS))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_one_column_is_enough():
    space = tasks.table_model.fit_feature_space(COLUMNS[1:2], INPUTS)
    model = tasks.build_table_classifier(space, class_count=2, units=4)
    network = model.get_layer(tasks.table_model.NETWORK)

    rows = encode(space, {"age": INPUTS["age"]})
    network.compile("adam", "sparse_categorical_crossentropy")
    loss = network.train_on_batch(rows, np.arange(8) % 2)

    assert np.isfinite(loss)


def test_the_whole_model_comes_back_from_its_file(space, tmp_path):
    model = tasks.build_table_classifier(space, class_count=2, units=4)
    cells = data.as_tensors(INPUTS)

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")

    np.testing.assert_array_equal(model(cells), loaded(cells))


def test_one_head_says_the_same_and_is_taken_back(space):
    model = tasks.build_table_classifier(space, class_count=2, units=4)
    network = model.get_layer("network")
    random = np.random.default_rng(0)
    network.set_weights(
        [random.normal(size=w.shape) for w in network.get_weights()]
    )
    rows = random.normal(size=(5, network.input.shape[1])).astype("float32")
    before = np.asarray(network(rows))

    headed = table_head.with_one_head(network)
    kernel, bias = headed.layers[-1].get_weights()
    wide = keras.layers.Dense(3, activation="softmax")
    wider = keras.Model(headed.input, wide(headed.layers[-1].input))
    column = random.normal(size=(len(kernel), 1))
    wide.set_weights([np.hstack([kernel, column]), np.append(bias, 0.5)])
    taken = table_head.take_head(model, wider)

    found = np.asarray(taken.get_layer("network")(rows))
    np.testing.assert_allclose(headed(rows), before, atol=1e-6)
    np.testing.assert_allclose(wider(rows), found, atol=1e-6)
    np.testing.assert_allclose(
        found[:, :2] / found[:, :2].sum(axis=1, keepdims=True),
        before,
        atol=1e-5,
    )
    assert table_head.take_head(model, headed) is model
