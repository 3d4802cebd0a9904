import image_models
import keras
import numpy as np
import pytest
import tensorflow as tf

from aet_keras._keras.likelihood import fisher_diagonals
from aet_keras._keras.reading import batches, spread_rows

X = np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]], "float32")
Y = np.array([0, 1, 1])


def logistic(**settings):
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(2, **settings)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    return model


def by_hand(model, x, y):
    """Returns the Fisher of kernel and bias of a softmax regression."""
    kernel, bias = model.get_weights()
    logits = x @ kernel + bias
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    error = p - np.eye(2)[y]  # d loss / d logits
    return (x**2).T @ error**2 / len(x), (error**2).mean(axis=0)


@pytest.mark.parametrize("kind", ["arrays", "data set", "one row a batch"])
def test_fisher_is_the_mean_square_of_each_examples_gradient(kind):
    model = logistic(kernel_regularizer="l2")  # is no part of the likelihood
    size = 1 if kind == "one row a batch" else 2
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(size)

    fishers = fisher_diagonals(
        model, model.weights, (X, Y) if kind == "arrays" else data, 9
    )

    kernel, bias = by_hand(model, X, Y)
    np.testing.assert_allclose(fishers[0], kernel, rtol=1e-4)
    np.testing.assert_allclose(fishers[1], bias, rtol=1e-4)


def test_frozen_weights_have_a_fisher_too():
    model = logistic()
    model.trainable = False

    fishers = fisher_diagonals(model, model.weights, (X, Y), 9)

    np.testing.assert_allclose(fishers[0], by_hand(model, X, Y)[0], rtol=1e-4)


def test_measuring_leaves_the_model_as_it_was():
    model = image_models.compiled_classifier()
    before = model.get_weights()

    fisher_diagonals(
        model, model.trainable_weights, image_models.noise_images(4), 4
    )

    for left, right in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_no_example_is_refused():
    model = logistic()

    with pytest.raises(ValueError, match="at least one example"):
        fisher_diagonals(model, model.weights, (X[:0], Y[:0]), 9)


def test_few_rows_of_arrays_are_spread_over_all():
    rows = np.arange(9)

    spread = [int(x[0]) for x, _, _ in spread_rows((rows, rows), 3)]

    assert spread == [0, 3, 6]


def test_rows_of_a_data_set_are_the_first():
    endless = tf.data.Dataset.range(5).batch(2).repeat()

    assert [int(x[0]) for x, _, _ in spread_rows(endless, 3)] == [0, 1, 2]


def test_arrays_and_sequences_are_read_in_batches():
    class Sequence(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, position):
            return X[2 * position : 2 * position + 2], Y[:2]

    from_arrays = [len(x) for x, _, _ in batches((X, Y), 2)]
    from_sequence = [len(x) for x, _, _ in batches(Sequence(), 32)]

    assert from_arrays == from_sequence == [2, 1]
