import json
import math

import keras
import numpy as np
import pytest

from aet_keras.evaluation import measure_classification
from aet_keras.evaluation.classification import Classification

NAMES = ["hat", "shoe", "coat"]


def one_hot(columns, count=3, peak=0.8):
    rows = np.full((len(columns), count), (1 - peak) / (count - 1))
    rows[np.arange(len(columns)), columns] = peak
    return rows


def measured():
    # true:  hat hat shoe shoe shoe; called: hat shoe shoe shoe hat
    return measure_classification(
        [0, 0, 1, 1, 1], one_hot([0, 1, 1, 1, 0]), class_names=NAMES
    )


def test_confusion_rows_are_true_classes():
    assert measured().confusion_matrix == ((1, 1, 0), (1, 2, 0), (0, 0, 0))


def test_accuracy_is_the_share_of_right_ones():
    assert measured().accuracy == pytest.approx(3 / 5)


def test_scores_of_a_class_are_those_worked_by_hand():
    hat, shoe, _ = measured().per_class

    assert (hat.precision, hat.recall, hat.f1) == (0.5, 0.5, 0.5)
    assert shoe.precision == pytest.approx(2 / 3)
    assert shoe.recall == pytest.approx(2 / 3)
    assert (hat.count, shoe.count) == (2, 3)


def test_class_without_examples_has_no_scores_and_no_say():
    scores = measured()

    assert scores.per_class[2].f1 is None
    assert scores.per_class[2].count == 0
    assert scores.macro_f1 == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert scores.macro_precision == scores.macro_recall == scores.macro_f1


def test_class_never_predicted_counts_as_zero():
    scores = measure_classification([0, 1], one_hot([0, 0]), class_names=NAMES)

    assert scores.per_class[1].precision == 0
    assert scores.macro_f1 == pytest.approx((2 / 3 + 0) / 2)


def test_wrong_guesses_of_an_absent_class_hurt_the_true_one_only():
    scores = measure_classification([0, 0], one_hot([0, 2]), class_names=NAMES)

    assert scores.macro_precision == 1
    assert scores.macro_recall == 0.5


def test_loss_is_the_one_keras_reports():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(4), size=50)
    labels = rng.integers(0, 4, 50)
    loss = keras.losses.SparseCategoricalCrossentropy()

    scores = measure_classification(
        labels, probabilities, class_names=list("abcd")
    )

    expected = float(loss(labels, probabilities))
    assert scores.loss == pytest.approx(expected, rel=1e-5)  # float32 there


def test_loss_of_an_impossible_truth_is_finite():
    scores = measure_classification([1], [[1.0, 0.0]], class_names=["a", "b"])

    assert scores.loss == pytest.approx(-math.log(1e-7))


def test_half_precision_probabilities_are_taken():
    rows = np.random.default_rng(0).dirichlet(np.ones(30), size=20)

    scores = measure_classification(
        np.arange(20),
        rows.astype("float16"),
        class_names=[*map(str, range(30))],
    )

    assert scores.count == 20


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="at least two"):
        measure_classification([0], [[1.0]], class_names=["a"])


def test_record_survives_json():
    scores = measured()

    content = json.loads(json.dumps(scores.to_json()))

    assert Classification.from_json(content) == scores


@pytest.mark.parametrize("count", [2, 10, 26, 40, 100])
def test_text_fits_eighty_columns(count):
    names = [f"quite a long name of a class, number {i}" for i in range(count)]
    labels = np.arange(count).repeat(3)

    text = measure_classification(
        labels, one_hot(labels, count), class_names=names
    ).to_text()

    assert max(map(len, text.splitlines())) <= 80
    assert ("confusions" in text) == (count <= 23)
    assert len(text.splitlines()) < 60


def test_text_lists_the_worst_of_many_classes():
    names = [f"class{i}" for i in range(100)]
    called = np.arange(100)
    called[70] = 71

    text = measure_classification(
        np.arange(100), one_hot(called, 100), class_names=names
    ).to_text()

    assert "40 lowest F1 of 100" in text
    assert "class70" in text


def test_text_keeps_wide_names_in_line():
    text = measure_classification(
        [0, 1], one_hot([0, 1], 2), class_names=["帽子", "shoe"]
    ).to_text()

    wide, narrow = text.splitlines()[4:6]
    assert len(wide) == len(narrow) - 2  # two characters of two columns each


BAD = {
    "logits": ([0, 1], [[3.0, 1, 1], [-1, 0, 2]], "apply a softmax"),
    "nan": ([0], [[np.nan, 0.5, 0.5]], "finite"),
    "columns": ([0], [[0.5, 0.5]], "one column a class name"),
    "no examples": (np.zeros(0, int), np.zeros((0, 3)), "at least one"),
    "one-hot": ([[1, 0, 0]], [[1.0, 0, 0]], "argmax"),
    "label too high": ([3], [[1.0, 0, 0]], "from 0 to 2"),
    "label below 0": ([-1], [[1.0, 0, 0]], "from 0 to 2"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_measured_is_refused(case):
    labels, probabilities, advice = BAD[case]

    with pytest.raises(ValueError, match=advice):
        measure_classification(labels, probabilities, class_names=NAMES)


def test_float_labels_are_refused():
    with pytest.raises(TypeError, match="must be ints"):
        measure_classification([0.0], [[1.0, 0, 0]], class_names=NAMES)
