"""Of what was tried, is the best kept, and by what the version cares for?"""

import dataclasses
import json

import keras
import numpy as np
import pytest
import table_data
from shifted_points import NEW_X, NEW_Y, OLD

import aet_keras
from aet_keras import recipes
from aet_keras.drift.target_kinds import KINDS, cross_entropies, judge_of
from aet_keras.training import _choice, adapt_version


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


def test_labels_of_rows_that_are_as_ever_are_learned_by_fit(model):
    reasons = [
        aet_keras.adapt(model, NEW_X, labels, old=OLD, shift="none").reason
        for labels in (NEW_Y, None)
    ]

    assert ["fit with `--from`" in reason for reason in reasons] == [
        True,
        False,
    ]
