"""Does `adapt` mend models of a number and of tags, and say what it did?"""

import keras
import numpy as np
import pytest

import aet_keras
from aet_keras.drift import Reference
from aet_keras.tasks.number_unit import Unit

RANDOM = np.random.default_rng(0)
SLOPES = np.array([3.0, -2.0, 1.0, 0.0])
X = RANDOM.normal(size=(500, 4)).astype("float32")
Y = 600 + 40 * (X @ SLOPES + RANDOM.normal(size=500))
OLD, NEW = slice(0, 300), slice(300, 500)
TAGS = np.stack([Y > 600, X[:, 1] > 0, X[:, 2] > 0.3], axis=1).astype(int)
FEW = np.where(np.arange(200) < 80, Y[NEW] + 100, np.nan)


def line(unit=None):
    """A model of a number that is right about old rows."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    features = keras.layers.Dense(4, name="below")(inputs)
    value = keras.layers.Dense(1, name="value")(features)
    output = value if unit is None else unit.apply(value)
    model = keras.Model(inputs, output)
    model.get_layer("below").set_weights([np.eye(4), np.zeros(4)])
    solve(model, X[OLD], Y[OLD] if unit is None else unit.values(Y[OLD]))
    return model


def solve(model, x, wanted):
    rows = np.c_[x, np.ones(len(x))]
    found = np.linalg.lstsq(rows, wanted, rcond=None)[0]
    model.get_layer("value").set_weights([found[:-1, None], found[-1:]])


def error(model, x, y):
    return np.abs(model.predict(x, verbose=0)[:, 0] - y).mean()


@pytest.mark.parametrize(
    "unit",
    [None, Unit.fitted(Y[OLD]), Unit(24.0, 3.0, rest=9.0)],
    ids=["bare", "in a unit", "roots"],
)
def test_few_labels_mend_a_number_in_its_own_unit(unit):
    model = line(unit)
    before = error(model, X[NEW], Y[NEW] + 100)
    below = model.get_layer("below").get_weights()

    adapted = aet_keras.adapt(
        model, X[NEW], FEW, shift="output", target_kind="number"
    )

    bias, head = adapted.attempts
    assert adapted.model is model
    assert (bias.remedy, head.remedy) == ("bias", "head")
    assert bias.before == pytest.approx(before, rel=0.2)
    assert adapted.verdict.is_better and adapted.verdict.new.count == 80
    assert error(model, X[NEW], Y[NEW] + 100) < 1.3 * 40 * np.sqrt(2 / np.pi)
    assert f"{bias.before:.5g}" in adapted.to_text()
    np.testing.assert_array_equal(
        below[0], model.get_layer("below").get_weights()[0]
    )


def test_layers_of_the_user_that_are_called_as_ours_are_no_unit():
    inputs = keras.Input((4,))
    scaled = keras.layers.Rescaling(1.0, name="unit")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1, name="number")(scaled))
    before = error(model, X[NEW], Y[NEW] + 100)

    adapted = aet_keras.adapt(
        model, X[NEW], FEW, shift="output", target_kind="number"
    )

    assert adapted.kept == ("head",)
    assert error(model, X[NEW], Y[NEW] + 100) < 0.2 * before


def test_old_rows_judge_a_number_and_all_groups_are_tried():
    model = line(Unit.fitted(Y[OLD]))
    x, old = X[NEW] + [3, 0, 0, 0], (X[OLD], Y[OLD])  # it bends there
    labels = Y[NEW] + 100

    adapted = aet_keras.adapt(
        *(model, x, labels),
        old=old,
        shift="input",
        target_kind="number",
        epochs=2,
    )

    tried = [each.remedy for each in adapted.attempts]
    assert tried == ["bias", "head", "head, old and new", "all"]
    assert adapted.verdict.old.count == 75 and adapted.kept
    assert adapted.verdict.old.before == pytest.approx(
        error(line(), X[OLD][::4], Y[OLD][::4]), rel=1e-4
    )


def test_a_useless_remedy_of_a_number_is_not_kept():
    model = line()
    before = model.get_weights()
    labels = FEW - 100

    adapted = aet_keras.adapt(
        model, X[NEW], labels, shift="output", target_kind="number"
    )

    assert not adapted.verdict.is_better and not adapted.kept
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_number_that_stays_is_not_rounded():
    """There and back through a unit, a third of such weights would be."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.layers[-1].set_weights([SLOPES[:, None] * np.pi, np.array([1 / 3])])
    before = model.get_weights()

    aet_keras.adapt(model, X[NEW], FEW, shift="none", target_kind="number")

    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def tagger():
    """A model of the three tags that is right about old rows."""
    head = keras.layers.Dense(3, activation="sigmoid")
    model = keras.Sequential([keras.Input((4,)), head])
    kernel = np.stack([SLOPES, np.eye(4)[1] * 9, np.eye(4)[2] * 9], axis=1)
    head.set_weights([kernel, np.array([0.0, 0.0, -2.7])])
    return model


def test_tags_get_a_head_and_thresholds():
    model = tagger()
    labels = 1 - TAGS[NEW]
    labels[100:] = -1

    adapted = aet_keras.adapt(
        model, X[NEW], labels, target_kind="tags", shift="output"
    )

    thresholds, head = adapted.attempts
    assert (thresholds.remedy, head.measure) == ("thresholds", "F1")
    assert adapted.kept == ("head",) and adapted.verdict.is_better
    said = model.predict(X[NEW], verbose=0) >= adapted.thresholds
    assert (said == (1 - TAGS[NEW]))[100:].mean() > 0.85


def test_thresholds_alone_leave_the_weights():
    model = tagger()
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel, bias - 4])  # it says too little

    adapted = aet_keras.adapt(
        *(model, X[NEW], TAGS[NEW]),
        target_kind="tags",
        thresholds=[0.5] * 3,
        shift="output",
    )

    assert adapted.kept == ("thresholds",)
    np.testing.assert_array_equal(model.layers[-1].bias, bias - 4)
    assert adapted.verdict.is_better
    assert adapted.attempts[0].after > adapted.attempts[0].before + 0.1


def test_a_reference_says_that_it_is_a_number():
    model = line()
    reference = Reference.measure(
        model,
        X[:200],
        (X[200:300], Y[200:300]),
        target_kind="number",
    )

    adapted = aet_keras.adapt(model, X[NEW], FEW, reference=reference)
    again = Reference.measure(
        model, X[:200], (X[OLD], Y[OLD]), target_kind="number"
    )
    without = aet_keras.adapt(model, X[NEW] + 9, reference=again)

    assert adapted.kind == "output" and adapted.kept
    assert "told by labels alone. 0 rows have a label" in without.reason
    with pytest.raises(ValueError, match="Leave `target_kind` out"):
        aet_keras.adapt(model, X[NEW], reference=again, target_kind="tags")


@pytest.mark.parametrize(
    ("kind", "labels", "said"),
    [
        ("number", np.full(200, np.inf), "200 that are not, the first is inf"),
        ("number", np.full(200, "dear"), "must be finite numbers"),
        ("number", np.ones(200), "of two numbers or more"),
        ("number", np.ones(3), "3 labels for 200 rows"),
        ("tags", np.ones((200, 3), int), "rows must have different tags"),
        ("tags", np.ones((200, 2), int), "2 columns for 3 tags"),
        ("tags", 2 * TAGS[NEW], "0 or 1 for each row and tag, or -1"),
        ("words", FEW, "one of 'classes', 'number', 'tags'"),
    ],
)
def test_bad_numbers_and_tags_are_refused(kind, labels, said):
    model = tagger() if kind == "tags" else line()
    before = model.get_weights()

    with pytest.raises(ValueError, match=said):
        aet_keras.adapt(model, X[NEW], labels, target_kind=kind)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_what_only_classes_have_is_refused():
    with pytest.raises(ValueError, match="one of 'none', 'input', 'output'"):
        aet_keras.adapt(
            line(), X[NEW], FEW, shift="label", target_kind="number"
        )
    with pytest.raises(ValueError, match="`thresholds` must go with tags"):
        aet_keras.adapt(line(), X[NEW], thresholds=[0.5])
    with pytest.raises(ValueError, match="2 for 3 tags"):
        aet_keras.adapt(
            tagger(), X[NEW], target_kind="tags", thresholds=[0.5, 0.5]
        )
