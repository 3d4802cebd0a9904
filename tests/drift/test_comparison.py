"""Is each kind of shift found and named, and nothing where there is none?"""

import dataclasses
import json

import drift_samples
import keras
import numpy as np
import pytest

from aet_keras.drift import Reference, compare
from aet_keras.drift.comparison import compare_outputs

FEW_OF_TWO = (0.8, 0.1, 0.1)


@pytest.fixture(scope="module")
def reference():
    return drift_samples.reference(class_names=("hat", "shoe", "bag"))


def unlabelled(outputs):
    return dataclasses.replace(outputs, labels=None)


def kinds(reference, *, times=12, count=200, labelled=False, **settings):
    """Returns the kinds of several draws of the same shift."""
    found = []
    for seed in range(100, 100 + times):
        outputs = drift_samples.outputs(count, seed, **settings)
        outputs = outputs if labelled else unlabelled(outputs)
        found.append(compare_outputs(reference, outputs).kind)
    return found


@pytest.mark.parametrize("labelled", [False, True])
def test_rows_like_the_reference_are_not_shifted(labelled, reference):
    found = kinds(reference, labelled=labelled)

    assert found.count("none") >= 11


def test_other_shares_of_classes_are_a_shift_of_labels(reference):
    assert kinds(reference, priors=FEW_OF_TWO).count("label") >= 11


def test_other_inputs_are_a_shift_of_inputs(reference):
    assert kinds(reference, moved=1.0).count("input") >= 11


def test_other_inputs_and_shares_are_a_shift_of_inputs(reference):
    found = kinds(reference, moved=1.0, priors=FEW_OF_TWO)

    assert found.count("input") >= 11


def test_other_labels_of_the_same_inputs_are_a_shift_of_outputs(reference):
    found = kinds(reference, labelled=True, order=(1, 2, 0))

    assert found.count("output") == 12


def test_other_labels_are_seen_below_other_shares(reference):
    found = kinds(reference, labelled=True, order=(1, 2, 0), priors=FEW_OF_TWO)

    assert found.count("output") >= 11


def test_some_labels_show_that_answers_are_wrong(reference):
    outputs = drift_samples.outputs(300, 7, order=(1, 2, 0))
    few = np.where(np.arange(300) < 50, outputs.labels, -1)

    shift = compare_outputs(reference, dataclasses.replace(outputs, labels=few))

    answers = outputs.probabilities.argmax(axis=1)
    assert shift.kind == "output"
    assert shift.accuracy == np.mean(answers[:50] == outputs.labels[:50])


def test_shares_are_estimated_without_labels(reference):
    outputs = drift_samples.outputs(300, 7, priors=FEW_OF_TWO)

    shift = compare_outputs(reference, unlabelled(outputs))

    assert shift.priors == pytest.approx(FEW_OF_TWO, abs=0.08)
    assert shift.source_priors == pytest.approx((1 / 3,) * 3, abs=0.08)


def test_shares_are_counted_with_labels(reference):
    outputs = drift_samples.outputs(300, 7, priors=FEW_OF_TWO)

    shift = compare_outputs(reference, outputs)

    counts = np.bincount(outputs.labels) / 300
    assert shift.priors == pytest.approx(tuple(counts))


def test_no_shares_are_given_where_they_would_do_harm(reference):
    shift = compare_outputs(
        reference, unlabelled(drift_samples.outputs(200, 7, moved=1.0))
    )

    assert shift.kind == "input"
    assert shift.priors is None


def test_few_rows_are_shifted_but_not_named(reference):
    moved = unlabelled(drift_samples.outputs(20, 7, moved=4.0))

    shift = compare_outputs(reference, moved)

    assert (shift.is_shifted, shift.kind) == (True, "unexplained")
    assert "20 rows are few" in shift.notes[0]


def test_few_rows_are_named_where_more_answers_are_wrong(reference):
    wrong = drift_samples.outputs(20, 7, order=(1, 2, 0))

    shift = compare_outputs(reference, wrong)

    assert shift.kind == "output"
    assert "none is named but `output`" in shift.notes[0]


def test_one_row_is_compared(reference):
    shift = compare_outputs(reference, unlabelled(drift_samples.outputs(1, 7)))

    assert (shift.kind, shift.row_count) == ("none", 1)


def test_rows_of_one_class_alone_are_a_shift_of_labels(reference):
    found = kinds(reference, times=3, priors=(0, 1, 0))

    assert found == ["label"] * 3


def test_a_reference_of_one_class_alone_is_compared_with():
    one = drift_samples.outputs(200, 1, priors=(1, 0, 0))
    known = Reference.of_outputs(one, one)

    same = unlabelled(drift_samples.outputs(100, 2, priors=(1, 0, 0)))
    other = unlabelled(drift_samples.outputs(100, 2))

    assert compare_outputs(known, same).kind == "none"
    assert compare_outputs(known, other).is_shifted


def test_the_farthest_rows_are_named_first(reference):
    outputs = unlabelled(drift_samples.outputs(100, 7))
    outputs.features[[13, 42]] += np.array([[20.0], [40.0]])

    shift = compare_outputs(reference, outputs)

    assert shift.novel_rows[:2] == (42, 13)
    assert 0.02 <= shift.novel_ratio <= 0.06


def test_the_expected_accuracy_is_right_while_classes_look_the_same(reference):
    outputs = drift_samples.outputs(2000, 7, priors=FEW_OF_TWO)
    right = (outputs.probabilities.argmax(axis=1) == outputs.labels).mean()

    shift = compare_outputs(reference, unlabelled(outputs))

    assert shift.expected_accuracy == pytest.approx(right, abs=0.02)


def test_rows_of_an_unknown_class_are_counted_as_wrong(reference):
    outputs = drift_samples.outputs(100, 7, order=(0, 1, 3))

    shift = compare_outputs(reference, outputs)

    assert shift.kind == "output"
    assert "are of classes that the model does not know" in shift.notes[-1]


def test_it_is_said_in_words_and_in_json(reference):
    outputs = drift_samples.outputs(300, 7, priors=FEW_OF_TWO)

    shift = compare_outputs(reference, outputs)

    assert "kind: label" in shift.to_text()
    assert "hat 0.3" in shift.to_text()
    assert json.loads(json.dumps(shift.to_json()))["kind"] == "label"


def test_each_row_has_one_label(reference):
    outputs = drift_samples.outputs(40, 7)
    short = dataclasses.replace(outputs, labels=outputs.labels[:9])

    with pytest.raises(ValueError, match="9 labels for 40 rows"):
        compare_outputs(reference, short)


def test_a_reference_of_other_classes_is_refused(reference):
    outputs = drift_samples.outputs(40, 7)
    two = dataclasses.replace(
        outputs, probabilities=np.full((40, 2), 0.5, "float32")
    )

    with pytest.raises(ValueError, match="3 and 2"):
        compare_outputs(reference, two)


@pytest.fixture(scope="module")
def table():
    """Returns a model of two columns, its reference, and how to make rows."""

    def make(count, seed, *, older=0.0, towns=("a", "b", "c")):
        random = np.random.default_rng(seed)
        age = random.normal(40 + older, 9, count)
        age[::20] = np.nan
        town = random.choice(towns, count).astype(object)
        return {"age": age.astype("float32"), "town": town}

    age = keras.Input((1,), name="age")
    town = keras.Input((1,), name="town", dtype="string")
    known = keras.layers.StringLookup(
        vocabulary=["a", "b", "c"], output_mode="one_hot"
    )(town)
    number = keras.layers.Rescaling(1 / 9, -40 / 9)(age)
    number = keras.ops.where(keras.ops.isnan(number), 0.0, number)
    x = keras.layers.Concatenate()([number, known])
    model = keras.Model(
        {"age": age, "town": town}, keras.layers.Dense(2, "softmax")(x)
    )
    labels = np.arange(200) % 2
    reference = Reference.measure(
        model, make(200, 0), (make(200, 1), labels), batch_size=200
    )
    return model, reference, make


def test_columns_that_have_moved_are_named(table):
    model, reference, make = table

    quiet = compare(model, reference, make(200, 2))
    older = compare(model, reference, make(200, 3, older=9))
    towns = compare(model, reference, make(200, 4, towns=("a", "d")))

    assert (quiet.kind, quiet.columns) == ("none", ())
    assert older.columns[0].name == "age"
    assert older.columns[0].test == "ks"
    assert [each.name for each in towns.columns] == ["town"]
    assert towns.columns[0].test == "chi-squared"


def test_cells_that_are_missing_more_often_are_a_shift(table):
    model, reference, make = table
    rows = make(200, 5)
    rows["age"][::3] = np.nan

    shift = compare(model, reference, rows)

    assert [each.name for each in shift.columns] == ["age"]


def test_a_missing_column_is_named(table):
    model, reference, make = table
    rows = make(40, 6)
    del rows["town"]

    with pytest.raises(ValueError, match="none named `town`"):
        compare(model, reference, rows)
