"""Is what goes into a head, and what comes out of it, read as it is?"""

import image_models
import keras
import numpy as np
import pytest
import tensorflow as tf

from aet_keras.drift.model_outputs import read_outputs
from aet_keras.drift.true_values import as_labels, as_probabilities


@pytest.fixture(scope="module")
def model():
    return image_models.classifier()


@pytest.fixture(scope="module")
def rows():
    return image_models.noise_images(10)


@pytest.fixture(scope="module")
def outputs(model, rows):
    return read_outputs(model, rows, batch_size=4)


class Batches(keras.utils.PyDataset):
    """Gives the rows in batches of three, and the rest."""

    def __init__(self, rows):
        super().__init__()
        self.rows = rows

    def __len__(self):
        return 4

    def __getitem__(self, place):
        batch = slice(3 * place, 3 * place + 3)
        return tuple(each[batch] for each in self.rows)


def test_features_are_the_input_of_the_head(model, rows, outputs):
    below = keras.Model(model.input, model.layers[-1].input)

    features = below(rows[0], training=False)

    np.testing.assert_allclose(outputs.features, features, atol=1e-6)
    np.testing.assert_allclose(
        outputs.probabilities, model(rows[0], training=False), atol=1e-6
    )
    np.testing.assert_array_equal(outputs.labels, rows[1])


@pytest.mark.parametrize(
    "make",
    [
        lambda rows: tf.data.Dataset.from_tensor_slices(rows).batch(3),
        Batches,
        lambda rows: (rows[0], np.eye(3)[rows[1]]),
    ],
    ids=["dataset", "sequence", "one-hot"],
)
def test_any_data_that_fit_takes_is_read(make, model, rows, outputs):
    found = read_outputs(model, make(rows), batch_size=4)

    np.testing.assert_allclose(found.features, outputs.features, atol=1e-6)
    np.testing.assert_array_equal(found.labels, rows[1])


def test_batches_that_are_traced_are_the_same(model, rows, outputs):
    found = read_outputs(model, rows, batch_size=1)  # the fifth is traced

    np.testing.assert_allclose(found.features, outputs.features, atol=1e-6)
    np.testing.assert_allclose(
        found.probabilities, outputs.probabilities, atol=1e-6
    )


def test_a_short_batch_that_is_traced_is_whole(model, rows, outputs):
    parts = [rows[0][start : start + 2] for start in (0, 2, 4, 6, 8)]
    parts[-1:] = [parts[-1][:1], parts[-1][1:]]
    data = tf.data.Dataset.from_generator(
        lambda: iter(parts), output_signature=tf.TensorSpec((None, 8, 8, 3))
    )

    found = read_outputs(model, data)

    np.testing.assert_allclose(found.features, outputs.features, atol=1e-6)


def test_some_of_many_batches_are_spread_over_all(model, rows):
    data = tf.data.Dataset.from_tensor_slices(rows).batch(1)

    found = read_outputs(model, data, most_rows=5)

    np.testing.assert_array_equal(found.labels, rows[1][::2])


def test_a_sample_of_an_array_keeps_rows_and_labels_together(model, rows):
    labels = np.arange(10)

    found = read_outputs(model, (rows[0], labels), most_rows=4)

    np.testing.assert_allclose(
        found.probabilities, model(rows[0][found.labels]), atol=1e-6
    )
    assert len(found.labels) == 4


def test_logits_and_a_single_output_become_probabilities():
    logits = np.array([[2.0, 0.0, -1.0]])

    two = as_probabilities("a", np.array([[0.25]]))
    three = as_probabilities("a", logits)

    np.testing.assert_allclose(two, [[0.75, 0.25]])
    np.testing.assert_allclose(
        three, np.exp(logits) / np.exp(logits).sum(), atol=1e-6
    )


@pytest.mark.parametrize(
    "scores", [[[0.5, 0.9]], [[np.nan, 0.5]], [[7.0]], [0.5]]
)
def test_what_is_no_distribution_of_classes_is_refused(scores):
    with pytest.raises(ValueError, match="^a: the model must put out finite"):
        as_probabilities("a", np.array(scores))


@pytest.mark.parametrize("labels", [[0.5], [-1], ["hat"], [[[1]]]])
def test_labels_are_numbers_of_classes(labels):
    with pytest.raises(ValueError, match="^a: labels must be the numbers"):
        as_labels("a", labels)


def test_data_without_an_end_is_refused(model, rows):
    data = tf.data.Dataset.from_tensor_slices(rows).batch(3).repeat()

    with pytest.raises(ValueError, match="must have an end"):
        read_outputs(model, data)


def test_no_rows_are_refused(model, rows):
    with pytest.raises(ValueError, match="at least one row"):
        read_outputs(model, rows[0][:0])
    with pytest.raises(ValueError, match="at least one row"):
        read_outputs(model, tf.data.Dataset.from_tensors(rows[0][:0]))


def test_what_has_no_rows_is_refused(model):
    with pytest.raises(TypeError, match="must be an array, a dict of arrays"):
        read_outputs(model, 3)


@pytest.mark.parametrize(
    "outputs",
    [
        lambda x: keras.layers.Flatten()(x),
        lambda x: [keras.layers.Dense(2)(x), keras.layers.Dense(2)(x)],
        lambda x: keras.layers.GlobalMaxPooling1D()(keras.layers.Dense(2)(x)),
    ],
    ids=["no dense layer", "two outputs", "not one row each"],
)
def test_a_model_without_a_dense_head_is_refused(outputs):
    x = keras.Input((3, 4))
    model = keras.Model(x, outputs(x))

    with pytest.raises(ValueError, match="made by a `keras.layers.Dense`"):
        read_outputs(model, np.ones((2, 3, 4)))


def test_numbers_of_a_linear_head_are_logits_even_between_0_and_1():
    head = keras.layers.Dense(1)
    model = keras.Sequential([keras.Input((1,)), head])
    head.set_weights([np.ones((1, 1)), np.zeros(1)])

    found = read_outputs(model, np.array([[0.2], [0.7]], "float32"))

    ones = 1 / (1 + np.exp([-0.2, -0.7]))
    np.testing.assert_allclose(found.probabilities[:, 1], ones, atol=1e-6)
