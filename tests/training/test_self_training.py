"""Are rows without labels learned where they help, and only there?"""

import keras
import numpy as np
import pytest

import aet_keras
from aet_keras.replay import lbfgs
from aet_keras.training import self_training, soft_labels

RANDOM = np.random.default_rng(0)
PLACES = np.array([[0.0, 0.0], [1.2, 0.0], [0.0, 1.2]])


def rows(count, width=8):
    """Returns points around three places, the rest of the columns noise."""
    y = np.arange(count) % 3
    x = RANDOM.normal(size=(count, width)) * 0.3
    x[:, :2] += PLACES[y]
    return x.astype("float32"), y


TRAIN, HELD, MORE, TEST = rows(9), rows(60), rows(300), rows(600)


def labelled(pair):
    x, y = pair
    ones = np.ones(len(y), "float32")
    return lbfgs.Rows(x, np.eye(3, dtype="float32")[y], ones)


def build(loss="sparse_categorical_crossentropy", ending="softmax"):
    """Returns a classifier whose backbone hands its rows on."""
    same = keras.layers.Dense(8, kernel_initializer="identity", name="old")
    head = keras.layers.Dense(3, ending)
    model = keras.Sequential([keras.Input((8,)), same, head])
    model.compile(
        keras.optimizers.Adam(0.01),
        loss,
        metrics=["accuracy"],
        run_eagerly=True,
    )
    return model


def test_answers_of_the_solved_head_become_labels_that_help():
    found = soft_labels.label_softly(labelled(TRAIN), labelled(HELD), MORE[0])

    assert found.is_better
    right = found.probabilities.argmax(axis=1) == MORE[1]
    first, last = (
        ((TEST[0] @ head.kernel + head.bias).argmax(axis=1) == TEST[1]).mean()
        for head in (found.first, found.last)
    )
    assert right.mean() > 0.8 and last > first + 0.02
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-5)
    assert found.weight == pytest.approx(9 / 300)  # all of them like all labels


def test_balanced_answers_have_the_classes_that_are_wanted():
    answers = RANDOM.dirichlet([3, 2, 2], 50)
    wanted = np.array([0.2, 0.3, 0.5])

    found = soft_labels._balanced(answers, wanted)

    np.testing.assert_allclose(found.mean(axis=0), wanted, atol=1e-3)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    # Rows and columns are scaled, nothing else: cross ratios stay.
    ratios = [p[:, 0] * p[::-1, 1] / p[:, 1] for p in (answers, found)]
    shifts = ratios[1] / ratios[0] * answers[::-1, 1] / found[::-1, 1]
    np.testing.assert_allclose(shifts, shifts[0])


def test_answers_are_spread_as_in_the_closed_form():
    features = RANDOM.normal(size=(40, 5))
    answers = RANDOM.dirichlet([1, 1, 1], 40)
    graph = soft_labels._neighbour_graph(features.copy())

    found = soft_labels._spread(answers, graph)

    # Zhou et al.: F = (1 - s) (I - s S)^-1 Y
    expected = 0.5 * np.linalg.inv(np.eye(40) - 0.5 * graph.toarray()) @ answers
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_better_head_is_started_from():
    model = labelled(TRAIN), labelled(HELD)
    good = soft_labels.label_softly(labelled(TEST), model[1], MORE[0]).first

    found = soft_labels.label_softly(
        *model, MORE[0], own=(good.kernel, good.bias)
    )

    assert found.first.kernel is good.kernel
    assert found.before == pytest.approx(good.loss, rel=1e-5)
    worse = soft_labels.label_softly(
        *model, MORE[0], own=(0 * good.kernel, 0 * good.bias)
    )
    assert worse.before < np.log(3) - 0.1  # that of zeros is log(3)


def test_fine_tune_solves_the_head_that_training_left():
    more = np.concatenate([MORE[0], TRAIN[0][:2], HELD[0][:1]])
    runs = []
    for given in (None, more):
        keras.utils.set_random_seed(0)
        run = aet_keras.fine_tune(
            build(),
            TRAIN,
            validation_data=HELD,
            epochs=2,
            batch_size=400,
            verbose=0,
            unlabelled=given,
            class_weight={0: 1.0, 1: 1.0, 2: 1.0},
        )
        runs.append(run)

    plain, learned = runs
    assert plain.unlabelled is None
    assert plain.history["val_loss"] == learned.history["val_loss"]
    assert learned.unlabelled.startswith("`unlabelled` is used: validation")
    assert "300 rows without" in learned.unlabelled
    assert "; 3 that are labelled rows are left out" in learned.unlabelled
    right = [run.model.evaluate(*TEST, verbose=0)[1] for run in runs]
    assert right[1] > right[0] + 0.02
    told = learned.unlabelled.partition("alone, ")[2].split(" ")[0]
    loss = learned.model.evaluate(*HELD, verbose=0)[0]
    assert float(told) == pytest.approx(loss, abs=1e-4)
    assert learned.best_figures["val_loss"] == pytest.approx(loss)


def test_rows_of_something_else_change_nothing():
    noise, model = RANDOM.normal(size=(300, 8)).astype("float32") * 3, build()
    before = model.get_weights()

    said = self_training.SelfTraining(model, TRAIN, HELD, noise).solve_head()

    assert said.startswith("`unlabelled` is not used: validation")
    # The loss that the model keeps is not that of a head that is dropped.
    kept = model.evaluate(*HELD, verbose=0, return_dict=True)["loss"]
    assert f"the model keeps its own head, with {kept:.4f}" in said
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_rows_that_are_no_numbers_are_left_out():
    more = MORE[0].copy()
    more[0], more[1] = np.nan, np.inf
    told = []
    for rows in (more, MORE[0][2:], more[:2]):
        keras.utils.set_random_seed(0)
        model = build()
        learner = self_training.SelfTraining(model, TRAIN, HELD, rows)
        told.append(learner.solve_head())

    told_of_all, told_of_finite, told_of_none = told
    assert "; 2 that are no finite numbers are left out" in told_of_all
    start = told_of_finite.removesuffix(".")
    assert told_of_all.startswith(start)
    assert "features of its rows are no finite numbers" in told_of_none


def test_a_few_validation_rows_are_too_few():
    few = HELD[0][:9], HELD[1][:9]

    said = self_training.SelfTraining(build(), TRAIN, few, MORE[0]).solve_head()

    assert "9 validation rows cannot tell" in said


@pytest.mark.parametrize(
    "model, train, more, error, match",
    [
        (build(), TRAIN, HELD[0], ValueError, "60 rows, all of them labelled"),
        (build(), TRAIN[0], MORE[0], TypeError, "must be a tuple"),
        (build(ending=None), TRAIN, MORE[0], ValueError, "must end in a"),
        (build("mse"), TRAIN, MORE[0], ValueError, "plain cross-entropy"),
        (build(), TRAIN, MORE[0][:, :3], ValueError, "as those of `train`"),
        (build(), TRAIN, {"x": MORE[0]}, ValueError, "as those of `train`"),
    ],
    ids=[
        "known rows",
        "a data set",
        "no softmax",
        "another loss",
        "other columns",
        "another structure",
    ],
)
def test_what_does_not_go_with_it_is_refused(model, train, more, error, match):
    with pytest.raises(error, match=match):
        self_training.SelfTraining(model, train, HELD, more)
