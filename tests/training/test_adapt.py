import dataclasses
import functools
import json

import keras
import numpy as np
import pytest
import table_data
import tensorflow as tf

import aet_keras
from aet_keras import recipes
from aet_keras.drift.target_kinds import KINDS, cross_entropies, judge_of
from aet_keras.training import (
    _choice,
    _mixed_fit,
    _remedies,
    adapt_version,
)
from aet_keras.training._known_outputs import KnownOutputs
from aet_keras.training._targets import ClassTarget

CENTERS = 2.5 * np.eye(6)[:3]
PERMUTED = np.array([1, 2, 0])


def points(seed, frequencies=(1 / 3, 1 / 3, 1 / 3), count=300):
    """Rows around the centers of three classes."""
    random = np.random.default_rng(seed)
    labels = random.choice(3, count, p=frequencies)
    x = CENTERS[labels] + random.normal(size=(count, 6))
    return x.astype("float32"), labels


def shifted(x):
    """The same rows in front of another sensor."""
    return (0.4 * x + [3, -2, 0, 1, 0, 2]).astype("float32")


OLD = points(0, count=600)
NEW_X, NEW_Y = points(1)


def batches(*arrays):
    """A data set of such rows, without labels if one array is given."""
    rows = arrays if len(arrays) > 1 else arrays[0]
    return tf.data.Dataset.from_tensor_slices(rows).batch(64)


def network():
    keras.utils.set_random_seed(0)
    backbone = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(16, activation="relu"),
        ],
        name="backbone",
    )
    head = keras.layers.Dense(3, activation="softmax", name="head")
    return keras.Sequential([keras.Input((6,)), backbone, head])


@pytest.fixture(scope="module")
def trained():
    model = network()
    model.compile(
        keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy"
    )
    model.fit(*OLD, epochs=12, verbose=0)
    return model.get_weights()


@pytest.fixture
def model(trained):
    model = network()
    model.set_weights(trained)
    return model


def accuracy(model, x, y):
    return np.mean(model.predict(x, verbose=0).argmax(axis=1) == y)


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


def trials_of(figures, of_label=0.4):
    """Trials named by number; of 100 answers the first ones are right."""
    return [
        trial_of(str(place), told(right, 0.6, of_label), drop)
        for place, (right, drop) in enumerate(figures)
    ]


def trial_of(name, told, drop=0.0):
    probabilities, labels = told
    errors = (probabilities.argmax(axis=1) != labels).astype(float)
    losses = cross_entropies(probabilities, labels)
    return _choice.Trial(name, [], None, errors, losses, drop, KINDS["classes"])


def told(right, if_right, if_wrong):
    """Probabilities of two classes, and labels; the first are right."""
    found = np.where(np.arange(100) < 100 * right, if_right, if_wrong)
    return np.stack([found, 1 - found], axis=1), np.zeros(100, "int64")


@pytest.mark.parametrize(
    ("figures", "kept"),
    [
        ([(0.4, 0.0), (0.8, 0.3), (0.65, 0.01), (0.65, 0.0)], 2),
        ([(0.4, 0.0), (0.8, 0.3), (0.5, 0.0)], 1),
        ([(0.4, 0.5), (0.4, 0.0)], 0),
    ],
    ids=["forgets little", "forgets little, brings little", "no gain"],
)
def test_what_forgets_too_much_is_kept_only_if_all_else_helps_little(
    figures, kept
):
    trials = trials_of(figures)

    assert _choice.best_of(trials, 0.02, keeps_old=False).name == str(kept)


def test_what_one_answer_decides_is_not_kept():
    """Where k answers differ, a standard error is the root of k."""
    one, two = trials_of([(0.5, 0.0), (0.51, 0.0)]), trials_of([(0.5, 0.0)] * 2)
    more = trials_of([(0.5, 0.0), (0.52, 0.0)])

    for trials, kept in ((one, "0"), (two, "0"), (more, "1")):
        for keeps_old in (False, True):
            best = _choice.best_of(trials, 0.02, keeps_old=keeps_old)
            assert best.name == kept


def test_as_many_right_answers_at_a_lower_loss_are_better():
    """The loss falls for one row in so many: by 1, or 2, standard errors."""
    nothing, *_ = trials_of([(0.5, 0.0)])
    labels = np.zeros(100, "int64")
    for fallen, is_better in ((1, False), (4, True)):
        loss = nothing.losses - 0.1 * (np.arange(100) < fallen)
        probabilities = np.exp(-np.stack([loss, loss * 0 + 9], axis=1))
        trial = trial_of("", (probabilities, labels))
        same = dataclasses.replace(trial, errors=nothing.errors)
        fewer = dataclasses.replace(trial, errors=nothing.errors * 0 + 1)
        assert same.is_better(nothing) is is_better
        assert not fewer.is_better(nothing)


def test_a_point_forgotten_weighs_as_much_as_one_gained():
    figures = [(0.4, 0.0), (0.8, 0.47), (0.6, 0.04)]
    trials = trials_of(figures)

    assert _choice.best_of(trials, 0.02, keeps_old=True).name == "2"
    assert _choice.best_of(trials[:2], 0.02, keeps_old=True).name == "0"


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


def rare(seed, count, moved=0.0):
    """Rows of two classes that overlap, one of ten of the second."""
    random = np.random.default_rng(seed)
    y = (random.random(count) < 0.1).astype("int64")
    x = random.normal(size=(count, 2)) + 1.8 * y[:, None] + moved
    return x.astype("float32"), y


@pytest.mark.parametrize("weight", [None, "balanced", (1.0, 9.0)])
def test_a_rare_class_counts_as_the_version_was_told(weight):
    """Of accuracy, a head that calls nearly all frequent is the better."""
    head = keras.layers.Dense(2, activation="softmax")
    model = keras.Sequential([keras.Input((2,)), head])
    # Balanced where rows are as before: of the costs its own, too.
    head.set_weights([np.array([[0, 1.8], [0, 1.8]]), np.array([0, -3.2])])
    x, y = rare(1, 600, moved=1.5)
    test = rare(2, 4000, moved=1.5)

    adapted = aet_keras.adapt(model, x, y, shift="output", class_weight=weight)

    costs = np.array(weight) if isinstance(weight, tuple) else 1
    answers = (model.predict(test[0], verbose=0) * costs).argmax(axis=1)
    recalls = [np.mean(answers[test[1] == each] == each) for each in (0, 1)]
    assert adapted.kept == ("head",) and adapted.verdict.is_better
    assert bool(min(recalls) > 0.75) is (weight is not None), recalls
    measures = {None: "accuracy", "balanced": "balanced"}
    assert adapted.attempts[0].measure == measures.get(weight, "weighted")


def test_balanced_accuracy_is_the_mean_of_recalls():
    y, answers = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 0])
    judge = judge_of("classes", "balanced")

    errors = judge.errors(answers, y)

    assert judge.figure(errors) == pytest.approx((2 / 3 + 0) / 2)


def test_balanced_halves_are_compared_with_themselves(model):
    """A class of five rows has another share of each half."""
    rows = np.concatenate(
        [np.flatnonzero(OLD[1] == k)[:n] for k, n in enumerate((45, 25, 5))]
    )

    adapted = aet_keras.adapt(
        *(model, OLD[0][rows], OLD[1][rows]),
        shift="output",
        class_weight="balanced",
    )

    new = adapted.verdict.new
    assert not adapted.kept
    assert (new.gained_count, new.lost_count, new.gain) == (0, 0, 0)
    assert "new rows: balanced accuracy +0.000 (" in adapted.verdict.reason


def test_a_new_class_costs_what_others_do_in_the_mean(model):
    random = np.random.default_rng(4)
    new = (random.normal(size=(40, 6)) + [0, 0, 0, 4, 4, 0]).astype("float32")

    adapted = aet_keras.adapt(
        model, new, np.full(40, 3), old=OLD, class_weight=[1, 2, 3]
    )

    assert adapted.kept == ("wider head",) and adapted.verdict.new.gain > 0.8
    judge = judge_of("classes", (1.0, 3.0))
    shares = np.array([[0.0, 0.45, 0.55], [0.0, 0.3, 0.7]])  # new: costs 2
    np.testing.assert_array_equal(judge.answers(shares, ()), [1, 2])


@pytest.mark.parametrize(
    ("weight", "costs", "cares_for"),
    [
        ("balanced", (5.0, 1.0), "balanced"),
        (None, (1.0, 1.0), None),
        (None, (5.0, 2.0), (2.0, 5.0)),  # of missing `no`, and `yes`
    ],
)
def test_a_version_says_what_it_cares_for(
    weight, costs, cares_for, tmp_path, monkeypatch
):
    recipe = recipes.TableRecipe("a.csv", "paid", class_weight=weight)
    (tmp_path / "recipe.json").write_text(json.dumps(recipe.to_json()))
    specification = table_data.with_costs(*costs)
    monkeypatch.setattr(
        adapt_version, "read_table_manifest", lambda version: specification
    )

    assert adapt_version._cares_for(tmp_path) == cares_for


@pytest.mark.parametrize(
    ("weight", "said"),
    [("even", "one of 'balanced'"), ((1, 2), "2 for 3 classes")],
)
def test_bad_weights_of_classes_are_refused(model, weight, said):
    with pytest.raises(ValueError, match=said):
        aet_keras.adapt(model, NEW_X, class_weight=weight)


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


TWO = OLD[1] < 2
BINARY = OLD[0][TWO], OLD[1][TWO]


def below(*ends):
    below = [keras.Input((6,)), keras.layers.Dense(8, activation="relu")]
    return keras.Sequential([*below, *ends])


@functools.cache
def learned():
    """Weights of a model of two classes, whose two units are logits."""
    keras.utils.set_random_seed(0)
    model = below(keras.layers.Dense(2))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-2), loss)
    model.fit(*BINARY, epochs=8, verbose=0)
    return model.get_weights()


def binary(*ends):
    """A model of two classes that ends so, and has learned them."""
    model, (*body, kernel, bias) = below(*ends), learned()
    if model.output_shape[1] == 1:
        kernel, bias = kernel[:, 1:] - kernel[:, :1], bias[1:] - bias[:1]
    model.set_weights([*body, kernel, bias])
    return model


def classes_of(outputs, is_logits):
    """The answers of a model of two classes, whatever it ends in."""
    if outputs.shape[1] > 1:
        return outputs.argmax(axis=1)
    return (outputs[:, 0] > (0 if is_logits else 0.5)).astype(int)


# A head with a sigmoid, and two logits: the two tests after it.
@pytest.mark.parametrize(
    ("units", "tail"),
    [
        (1, []),
        (1, [keras.layers.Activation("sigmoid")]),
        (2, [keras.layers.Softmax()]),
    ],
)
def test_the_head_is_solved_whatever_a_classifier_ends_in(units, tail):
    model = binary(keras.layers.Dense(units), *tail)
    x, y = BINARY

    adapted = aet_keras.adapt(model, x, 1 - y, old=BINARY, shift="output")

    outputs = adapted.model.predict(x, verbose=0)
    found = classes_of(outputs, is_logits=not tail)
    assert adapted.model is model
    assert adapted.kept == ("head",)
    assert outputs.shape[1] == units
    assert np.mean(found == 1 - y) > 0.95


def test_one_unit_learns_frequencies_as_two_would():
    x, y = BINARY
    rows = np.concatenate([np.flatnonzero(y == 1), np.flatnonzero(y == 0)[:20]])
    one = binary(keras.layers.Dense(1, activation="sigmoid"))
    two = keras.layers.Dense(2, activation="softmax")
    twin = keras.Model(one.inputs[0], two(one.layers[-1].input))
    kernel, bias = one.layers[-1].get_weights()
    two.set_weights([np.hstack([0 * kernel, kernel]), np.append(0, bias)])
    before = one.predict(x[rows], verbose=0)

    for model in (one, twin):
        aet_keras.adapt(model, x[rows], old=BINARY, shift="label")

    found, wanted = (m.predict(x[rows], verbose=0) for m in (one, twin))
    np.testing.assert_allclose(found[:, 0], wanted[:, 1], atol=1e-6)
    assert found.mean() > before.mean() + 0.01


def test_logits_stay_logits_when_the_head_is_widened():
    model = binary(keras.layers.Dense(2))
    before = model.predict(OLD[0], verbose=0)

    adapted = aet_keras.adapt(model, *OLD, old=BINARY)

    after = adapted.model.predict(OLD[0], verbose=0)
    assert after.shape[1] == 3
    np.testing.assert_array_equal(after[:, :2], before)
    assert np.mean(after.argmax(axis=1) == OLD[1]) > 0.85


def test_one_unit_has_no_place_for_a_third_class():
    model = binary(keras.layers.Dense(1, activation="sigmoid"))

    with pytest.raises(ValueError, match=r"Dense\(2, activation='softmax'\)"):
        aet_keras.adapt(model, *OLD, old=BINARY)


def test_answers_that_are_no_numbers_are_refused(model):
    x = NEW_X.copy()
    x[3] = np.nan

    with pytest.raises(ValueError, match="1 of 300 rows"):
        aet_keras.adapt(model, x, old=OLD)


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_answers_that_are_no_probabilities_are_refused(activation):
    head = keras.layers.Dense(3, activation=activation)
    model = keras.Sequential([keras.Input((6,)), head])

    with pytest.raises(ValueError, match="sum to 1"):
        aet_keras.adapt(model, NEW_X)


def test_few_rows_say_nothing_of_frequencies(model):
    adapted = aet_keras.adapt(model, NEW_X[:29], old=OLD, shift="label")

    assert "29 rows are fewer than 30" in adapted.attempts[0].reason
