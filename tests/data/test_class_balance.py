"""Does each class count the same, for each output of a model?"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.utils.class_weight import compute_sample_weight

from aet_keras import data
from aet_keras.data.class_balance import imbalance_notes

KIND = np.array([0, 0, 0, 1, 2, 0])
RISK = np.array([1, 0, 1, 1, 1, 1])
PRICE = np.array([1.5, 2.0, 0.5, 9.0, 3.0, 4.0], "float32")
HOT = np.eye(3, dtype="float32")[KIND]
LABELS = {"kind": KIND, "risk": RISK, "price": PRICE}
WEIGHTS = {"kind": "balanced", "risk": {1: 0.5, 0: 4.0}}


def expected():
    return {
        "kind": compute_sample_weight("balanced", KIND),
        "risk": np.where(RISK, 0.5, 4.0),
        "price": np.ones(6),
    }


def dataset(labels, *others, batch=4):
    rows = np.arange(6, dtype="float32").reshape(6, 1)
    whole = tf.data.Dataset.from_tensor_slices((rows, labels, *others))
    return whole.batch(batch)


def weights_in(weighted):
    return [batch[2] for batch in weighted.as_numpy_iterator()]


@pytest.mark.parametrize("labels", [KIND, KIND[:, None], HOT, KIND.tolist()])
def test_one_output_gets_the_weights_of_scikit_learn(labels):
    weights = data.balance(labels)

    np.testing.assert_allclose(weights, expected()["kind"], rtol=1e-6)
    assert weights.sum() == pytest.approx(6)


def test_each_output_gets_its_own_and_what_is_not_named_counts_1():
    weights = data.balance(LABELS, WEIGHTS)

    assert list(weights) == list(LABELS)
    for name, wanted in expected().items():
        np.testing.assert_allclose(weights[name], wanted, rtol=1e-6)


def test_lists_of_outputs_stay_lists():
    weights = data.balance([HOT, PRICE], ["balanced", None])

    assert isinstance(weights, list)
    np.testing.assert_allclose(weights[0], expected()["kind"], rtol=1e-6)
    np.testing.assert_array_equal(weights[1], np.ones(6))


def test_a_data_set_is_weighted_by_the_classes_of_all_its_batches():
    weighted = data.balance(dataset(LABELS), WEIGHTS)

    for name, wanted in expected().items():
        found = np.concatenate([each[name] for each in weights_in(weighted)])
        np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_weights_that_were_there_are_multiplied():
    given = np.arange(6, dtype="float32")
    single = data.balance(dataset(HOT, given))
    several = data.balance(dataset(LABELS, given), WEIGHTS)

    wanted = expected()["kind"] * given
    np.testing.assert_allclose(
        np.concatenate(weights_in(single)), wanted, rtol=1e-6
    )
    found = np.concatenate([each["kind"] for each in weights_in(several)])
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def two_outputs():
    x = keras.Input((1,))
    kind = keras.layers.Dense(3, "softmax", name="kind")(x)
    risk = keras.layers.Dense(1, "sigmoid", name="risk")(x)
    model = keras.Model(x, {"kind": kind, "risk": risk})
    model.compile(
        keras.optimizers.SGD(0.0),
        loss={
            "kind": "sparse_categorical_crossentropy",
            "risk": "binary_crossentropy",
        },
    )
    return model


@pytest.mark.parametrize("is_dataset", [False, True])
def test_fit_with_two_outputs_has_the_loss_worked_by_hand(is_dataset):
    labels = {name: LABELS[name] for name in ("kind", "risk")}
    model = two_outputs()
    rows = np.arange(6, dtype="float32").reshape(6, 1)
    said = model.predict(rows, verbose=0)

    if is_dataset:
        whole = data.balance(dataset(labels, batch=6), WEIGHTS)
        history = model.fit(whole, verbose=0, shuffle=False)
    else:
        weights = data.balance(labels, WEIGHTS)
        history = model.fit(
            rows, labels, sample_weight=weights, batch_size=6, verbose=0
        )

    wanted = expected()
    risk = said["risk"][:, 0]
    kind_loss = -np.log(said["kind"][np.arange(6), KIND]) * wanted["kind"]
    risk_loss = -np.log(np.where(RISK, risk, 1 - risk)) * wanted["risk"]
    by_hand = kind_loss.mean() + risk_loss.mean()
    assert history.history["loss"][0] == pytest.approx(by_hand, rel=1e-5)


def test_keras_itself_refuses_class_weights_of_several_outputs():
    labels = {name: LABELS[name] for name in ("kind", "risk")}
    rows = np.zeros((6, 1), "float32")

    with pytest.raises(ValueError, match="class_weight"):
        two_outputs().fit(rows, labels, class_weight={0: 1.0}, verbose=0)


BAD = {
    "no classes": (PRICE, "balanced", "must be classes"),
    "words": (np.array(["a", "b"]), "balanced", "must be classes"),
    "many at once": (np.ones((6, 3)), "balanced", "left out of"),
    "below 0": (np.array([-1, 0]), "balanced", "at least 0"),
    "unknown output": (LABELS, {"kinds": "balanced"}, "'kind', 'risk'"),
    "no name": (LABELS, {0: 1.0, 1: 2.0}, "each has its own"),
    "negative": (KIND, {0: -1.0}, "at least 0"),
    "another word": (LABELS, {"kind": "equal"}, "'balanced' or a dict"),
}


@pytest.mark.parametrize("labels, wanted, advice", BAD.values(), ids=BAD)
def test_what_cannot_be_weighed_is_refused(labels, wanted, advice):
    with pytest.raises(ValueError, match=advice):
        data.balance(labels, wanted)


def test_data_sets_that_cannot_be_counted_are_refused():
    with pytest.raises(ValueError, match="on what this function returns"):
        data.balance(dataset(KIND).repeat())
    with pytest.raises(ValueError, match=r"Call `.batch\(...\)` first"):
        data.balance(dataset(KIND).unbatch())
    with pytest.raises(TypeError, match="because classes are in `y`"):
        data.balance(tf.data.Dataset.range(3).batch(2))


def test_an_empty_class_counts_for_nothing():
    assert data.class_balance.compute_class_weights([0, 0, 2], 3).tolist() == [
        0.75,
        1.0,
        1.5,
    ]


def test_imbalance_is_noted_with_counts_and_the_option():
    labels = np.repeat([0, 1, 2], [150, 12, 4])

    rare, note = imbalance_notes(labels, ("a", "b", "c"))

    assert "150 rows of `a`, 4 of `c`, 12 of `b`" in note
    assert "`--class-weight balanced`" in note
    assert "`c` has 2.4% of the rows" in rare


@pytest.mark.parametrize("counts", [(30, 10), (10, 10, 10), (5, 0), (0, 0)])
def test_classes_of_about_one_size_are_not_noted(counts):
    labels = np.repeat(np.arange(len(counts)), counts)

    assert imbalance_notes(labels, "abc"[: len(counts)]) == ()
