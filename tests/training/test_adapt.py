import dataclasses

import keras
import numpy as np
import pytest
from shifted_points import (
    NEW_X,
    NEW_Y,
    OLD,
    PERMUTED,
    accuracy,
    batches,
    points,
    shifted,
)

import aet_keras
from aet_keras.training import _mixed_fit, _remedies
from aet_keras.training._known_outputs import KnownOutputs
from aet_keras.training._targets import ClassTarget


def test_another_sensor_needs_no_labels(model):
    x, before = shifted(NEW_X), model.get_weights()
    was = accuracy(model, x, NEW_Y)

    adapted = aet_keras.adapt(model, x, old=OLD, shift="input")

    assert adapted.kept == ("statistics",)
    assert adapted.verdict is None
    assert accuracy(model, x, NEW_Y) > was + 0.2
    statistics = [v.path for v in model.weights if "moving" in v.path]
    for variable, old in zip(model.weights, before, strict=True):
        is_same = np.array_equal(variable, old)
        assert is_same != (variable.path in statistics), variable.path


def test_labels_train_all_groups_and_judge_them(model):
    x = shifted(NEW_X)[:, ::-1].copy()  # statistics alone cannot mend it
    labels = np.where(np.arange(300) < 100, NEW_Y, -1)
    was = accuracy(model, x, NEW_Y)

    adapted = aet_keras.adapt(
        model, x, labels, old=OLD, shift="input", learning_rate=1e-2
    )

    assert "all" in adapted.kept
    assert adapted.verdict.new.count == 50
    assert adapted.verdict.new.low > 0
    assert accuracy(model, x[100:], NEW_Y[100:]) > was + 0.2
    assert accuracy(model, *points(2)) > 0.8  # old rows were in each batch
    assert not model.compiled and all(each.trainable for each in model.layers)


def test_a_seed_says_what_dropout_draws(model):
    inputs = keras.Input((6,))
    x = model.get_layer("backbone")(inputs)
    dropout = keras.layers.Dropout(0.5)
    x = dropout(x)
    model = keras.Model(inputs, model.get_layer("head")(x))
    rows = _mixed_fit.Rows(NEW_X[:60], NEW_Y[:60])
    start, ends = model.get_weights(), []
    before = dropout.seed_generator.state.numpy()

    for seed in (0, 0, 1):
        model.set_weights(start)
        settings = _mixed_fit.Settings(epochs=2, seed=seed)
        # Dropout alone may differ: the order of the rows is set.
        batches = _mixed_fit.Settings(epochs=2, seed=0)
        with pytest.MonkeyPatch.context() as patch:
            made = _mixed_fit.MixedBatches(rows, None, batches)
            patch.setattr(
                _mixed_fit, "MixedBatches", lambda *_, made=made, **__: made
            )
            _mixed_fit.GroupTraining(model).run(rows, None, settings)
        ends.append(model.get_layer("head").get_weights()[0])

    np.testing.assert_array_equal(ends[0], ends[1])
    assert not np.array_equal(ends[0], ends[2])
    np.testing.assert_array_equal(dropout.seed_generator.state, before)


def test_a_second_training_is_traced_only_if_other_weights_move(model):
    rows = _mixed_fit.Rows(NEW_X[:60], NEW_Y[:60])
    start, training = model.get_weights(), _mixed_fit.GroupTraining(model)
    backbone = model.get_layer("backbone")

    def run(training, epochs):
        model.set_weights(start)
        training.run(rows, None, _mixed_fit.Settings(epochs, 8, 1e-2, epochs))
        return model.get_weights(), training._same.train_function

    _, first = run(training, 2)
    used, second = run(training, 3)
    anew, _ = run(_mixed_fit.GroupTraining(model), 3)
    backbone.layers[1].trainable = False
    run(training, 1)

    assert first is second
    for left, right in zip(used, anew, strict=True):
        np.testing.assert_array_equal(left, right)
    places = [id(each) for each in model.weights]
    for layer, is_kept in zip(
        backbone.layers, (True, True, False), strict=True
    ):
        kernel = places.index(id(layer.weights[0]))
        now = model.get_weights()[kernel]
        assert np.array_equal(now, start[kernel]) is is_kept


def test_without_old_rows_new_ones_alone_judge(model):
    adapted = aet_keras.adapt(
        model, shifted(NEW_X), NEW_Y, shift="input", learning_rate=1e-2
    )

    statistics, _, both, trained = adapted.attempts
    for each in (statistics, both):
        assert "give `old=`" in each.reason
    assert trained.after > trained.before
    assert adapted.verdict.is_better and adapted.verdict.old is None


def test_weights_go_back_to_where_they_are_worth_most(model, trained):
    x = shifted(NEW_X)[:, ::-1].copy()
    rows = _mixed_fit.Rows(x, NEW_Y)
    settings = _mixed_fit.Settings(epochs=5, learning_rate=1e-2)
    target = ClassTarget(model)
    outputs = KnownOutputs(target)
    case = _remedies.Case(model, x, rows, None, None, settings, outputs, target)

    def old(_):
        return accuracy(model, *OLD)

    judges = _remedies.Judges(lambda: (1.0, 0.0), old)
    found = _remedies.train_all(case, rows, judges)

    assert found.ratio < 1
    for start, end, now in zip(
        trained, found.end, model.get_weights(), strict=True
    ):
        wanted = found.ratio * end + (1 - found.ratio) * start
        np.testing.assert_allclose(now, wanted, atol=1e-6)


def test_more_rows_move_weights_by_the_same_share_of_the_way(model, trained):
    settings = _mixed_fit.Settings(epochs=3, learning_rate=1e-2)
    rows = _mixed_fit.Rows(shifted(NEW_X), NEW_Y)
    target = ClassTarget(model)
    case = _remedies.Case(
        *(model, rows.x, rows, None, None, settings),
        *(KnownOutputs(target), target),
    )
    whole = _remedies.train_all(case, rows, None)
    _remedies.train_further(case, rows, whole)
    ends = model.get_weights()

    model.set_weights(trained)
    half = dataclasses.replace(whole, ratio=0.5)
    _remedies.train_further(case, rows, half)

    for start, end, further, now in zip(
        trained, whole.end, ends, model.get_weights(), strict=True
    ):
        wanted = start + (further - end) / 2
        np.testing.assert_allclose(now, wanted, atol=1e-5)


def test_other_meanings_need_the_head_alone(model):
    body = [v.numpy() for v in model.get_layer("backbone").weights]
    y = PERMUTED[NEW_Y]

    adapted = aet_keras.adapt(model, NEW_X[:60], y[:60], shift="output")

    assert adapted.kept == ("head",) and adapted.verdict.is_better
    assert accuracy(model, NEW_X[60:], y[60:]) > 0.85
    for left, right in zip(
        body, model.get_layer("backbone").weights, strict=True
    ):
        np.testing.assert_array_equal(left, right)


def test_other_frequencies_are_folded_into_the_head(model):
    x, y = points(3, (0.9, 0.05, 0.05))
    x *= 0.4  # classes overlap, so that frequencies matter
    old_x, old_y = OLD[0] * np.float32(0.4), OLD[1]
    was = accuracy(model, x, y)

    adapted = aet_keras.adapt(model, x, old=(old_x, old_y), shift="label")

    assert adapted.kept == ("priors",)
    assert accuracy(model, x, y) > was + 0.05


def test_frequencies_are_left_alone_where_classes_count_the_same(model):
    x, _ = points(3, (0.9, 0.05, 0.05))
    before = model.predict(x, verbose=0)

    adapted = aet_keras.adapt(
        model, x, old=OLD, shift="label", class_weight="balanced"
    )

    assert adapted.kept == ()
    assert "however frequent they are" in adapted.attempts[0].reason
    np.testing.assert_array_equal(model.predict(x, verbose=0), before)


def test_a_reference_names_the_shift_and_calibrates(model):
    held = points(5)
    reference = aet_keras.drift.Reference.measure(model, OLD[0], held)
    x, _ = points(6, (0.85, 0.1, 0.05))

    quiet = aet_keras.adapt(model, NEW_X, reference=reference)
    adapted = aet_keras.adapt(model, x, reference=reference)

    assert (quiet.kind, quiet.attempts) == ("none", ())
    assert (adapted.kind, adapted.kept) == ("label", ("priors",))


def test_labels_of_some_rows_show_that_meanings_have_changed(model):
    train, held = points(3), points(4)
    known = aet_keras.drift.Reference.measure(model, train[0], held)
    labels = np.where(np.arange(300) < 60, PERMUTED[NEW_Y], -1)

    adapted = aet_keras.adapt(model, NEW_X, labels, old=OLD, reference=known)

    assert adapted.kind == "output"
    assert adapted.kept == ("head",)


def one_hot(labels):
    return np.eye(3, dtype="float32")[labels]


@pytest.mark.parametrize(
    ("new", "labels", "old"),
    [
        (NEW_X, one_hot(PERMUTED[NEW_Y]), (OLD[0], OLD[1].astype("float32"))),
        (batches(NEW_X, PERMUTED[NEW_Y]), None, batches(*OLD)),
        (
            batches(NEW_X),
            PERMUTED[NEW_Y][:, None],
            batches(OLD[0], one_hot(OLD[1])),
        ),
    ],
    ids=["one-hot and floats", "data sets", "data set and a column"],
)
def test_rows_and_labels_come_in_the_forms_of_fit(model, new, labels, old):
    adapted = aet_keras.adapt(model, new, labels, old=old, shift="output")

    assert adapted.kept == ("head",)
    assert adapted.verdict.is_better and adapted.verdict.old is None
    assert accuracy(model, NEW_X, PERMUTED[NEW_Y]) > 0.9


def test_labels_refuse_frequencies_that_make_it_worse(model):
    before = model.get_weights()
    x = shifted(NEW_X)

    adapted = aet_keras.adapt(model, x, NEW_Y, old=OLD, shift="label")

    (attempt,) = adapted.attempts
    assert attempt.is_kept == (attempt.after >= attempt.before)
    if not attempt.is_kept:
        for left, right in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(left, right)


def test_the_unexplained_is_told_by_labels(model):
    y = PERMUTED[NEW_Y]

    adapted = aet_keras.adapt(model, NEW_X, y, old=OLD, epochs=2)

    tried = [each.remedy for each in adapted.attempts]
    heads = ["head", "head, old and new"]
    assert tried == ["statistics", *heads, "all", "head, then all"]
    assert adapted.kind == "unexplained" and "head" in adapted.kept[-1]
    assert "head" in adapted.to_text()


def test_the_unexplained_without_labels_says_how_many(model):
    before = model.get_weights()

    adapted = aet_keras.adapt(model, NEW_X, old=OLD)

    assert adapted.attempts == ()
    assert "about 81 prove a gain of 10 points" in adapted.reason
    for left, right in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_a_new_class_widens_the_head(model):
    random = np.random.default_rng(4)
    new = (random.normal(size=(40, 6)) + [0, 0, 0, 4, 4, 0]).astype("float32")
    before = model.predict(OLD[0], verbose=0).argmax(axis=1)

    adapted = aet_keras.adapt(model, new, np.full(40, 3), old=OLD)

    wide = adapted.model
    assert adapted.kind == "classes" and adapted.kept == ("wider head",)
    assert wide.output_shape == (None, 4)
    assert accuracy(wide, new, 3) > 0.9
    answers = wide.predict(OLD[0], verbose=0).argmax(axis=1)
    assert np.mean(answers == before) > 0.97
    assert adapted.verdict.new.gain > 0.8


def test_a_new_class_without_old_rows_is_refused_with_advice(model):
    adapted = aet_keras.adapt(model, NEW_X, np.full(300, 3))

    assert adapted.kept == () and adapted.model is model
    assert "Give `old=` rows" in adapted.attempts[0].reason


def test_a_model_without_batch_normalization_says_so():
    head = keras.layers.Dense(3, activation="softmax")
    plain = keras.Sequential([keras.Input((6,)), head])

    adapted = aet_keras.adapt(plain, NEW_X, old=OLD, shift="input")

    assert "no BatchNormalization" in adapted.attempts[0].reason
    assert adapted.reason == "the model is as it was"


def test_an_error_leaves_the_model_as_it_was(model, monkeypatch):
    before = model.get_weights()

    def fail(*arguments, **settings):
        model.set_weights([0 * each for each in before])
        raise RuntimeError("no space left")

    monkeypatch.setattr(_mixed_fit.GroupTraining, "run", fail)

    with pytest.raises(RuntimeError, match="no space"):
        aet_keras.adapt(model, NEW_X, NEW_Y, old=OLD, shift="input")
    for left, right in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_half_of_a_batch_is_old_and_each_row_comes_as_often():
    new = _mixed_fit.Rows(np.arange(10), np.zeros(10, int))
    old = _mixed_fit.Rows(np.arange(100, 108), np.ones(8, int))
    settings = _mixed_fit.Settings(epochs=4, batch_size=10)

    batches = _mixed_fit.MixedBatches(new, old, settings)

    x, y = (
        np.stack(each)
        for each in zip(*map(batches.__getitem__, range(8)), strict=True)
    )
    assert len(batches) == 8 and (y.sum(axis=1) == 5).all()
    _, counts = np.unique(x[x < 100], return_counts=True)
    np.testing.assert_array_equal(counts, 4)
    assert set(x[x >= 100]) == set(old.x)


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ({"labels": np.full(3, 0.5)}, "-1 where it is not known"),
        ({"labels": np.zeros(4, int)}, "4 labels for 3 rows"),
        ({"old": OLD[0]}, r"Give `\(x, y\)`"),
        ({"old": (OLD, OLD)}, r"Give `\(x, y\)`"),
        ({"old": (OLD[0], OLD[1] - 0.5)}, "or one-hot rows"),
        ({"shift": "style"}, "one of 'none', 'label'"),
        ({"shift": "classes"}, "Leave `shift` out"),
        ({"labels": np.full(3, 7), "shift": "input"}, "Leave `shift` out"),
        ({"epochs": 0}, "at least 1"),
        ({"old": (OLD[0], OLD[1] + 1)}, "from 0 to 2"),
        ({"old": batches(*OLD).take(0)}, "`old` must have at least one row"),
    ],
)
def test_bad_arguments_are_refused(model, arguments, advice):
    with pytest.raises((TypeError, ValueError), match=advice):
        aet_keras.adapt(model, NEW_X[:3], **arguments)


@pytest.mark.parametrize(
    "empty",
    [NEW_X[:0], batches(NEW_X).take(0), batches(NEW_X[:0], NEW_Y[:0])],
    ids=["an array", "no batch", "batches without a row"],
)
def test_data_without_rows_are_refused(model, empty):
    with pytest.raises(ValueError, match="`new` must have at least one row"):
        aet_keras.adapt(model, empty)


def test_few_rows_say_nothing_of_frequencies(model):
    adapted = aet_keras.adapt(model, NEW_X[:29], old=OLD, shift="label")

    assert "29 rows are fewer than 30" in adapted.attempts[0].reason
