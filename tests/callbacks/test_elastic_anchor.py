import keras
import numpy as np
import pytest

from aet_keras.callbacks import ElasticAnchor, ElasticFreezing
from aet_keras.policies import ThawOnSchedule

GROUPS = [["a"], ["b"]]
RATE = 0.01
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(16, 3)).astype("float32")
Y = np.arange(16) % 3


def dense(run_eagerly=False):
    """Returns a compiled model of two groups and a head."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(4, "tanh", name="a"),
            keras.layers.Dense(4, "tanh", name="b"),
            keras.layers.Dense(3, name="scores"),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(RATE), loss, run_eagerly=run_eagerly)
    return model


def fit(model, *callbacks, epochs=1, steps=1, **settings):
    """Fits; each step is on all rows."""
    return model.fit(
        np.tile(X, (steps, 1)),
        np.tile(Y, steps),
        batch_size=16,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=list(callbacks),
        **settings,
    ).history


def weights(model):
    paths = ["/".join(w.path.split("/")[-2:]) for w in model.weights]
    return dict(zip(paths, map(np.copy, model.get_weights()), strict=True))


def distance(before, after, *names):
    paths = [path for path in before if path.split("/")[0] in names]
    return sum(((after[p] - before[p]) ** 2).sum() for p in paths) ** 0.5


class Evaluations(keras.callbacks.Callback):
    """Evaluates at the end of each epoch, as a user's callback may."""

    def on_train_begin(self, logs=None):
        self.losses = []

    def on_epoch_end(self, epoch, logs=None):
        self.losses.append(self.model.evaluate(X, Y, verbose=0))


def test_a_huge_strength_keeps_the_backbone_where_it_was():
    moves = []
    for strength in (0.0, 150.0):  # stable: the rate times it is below 2
        model = dense(run_eagerly=True)
        before = weights(model)
        fit(model, ElasticAnchor(strength, groups=GROUPS), steps=20)
        moves.append(distance(before, weights(model), "a", "b"))

    free, held = moves
    assert 0 < held < free / 15


def test_a_step_is_the_plain_one_and_the_gradient_of_the_penalties():
    plain, held = dense(), dense()
    anchor = ElasticAnchor(0.5, head_strength=0.25, groups=GROUPS)
    start = weights(held)

    fit(plain)  # at the anchor, the backbone's first step is the plain one
    first = weights(plain)
    plain.get_layer("scores").kernel.assign(
        first["scores/kernel"] - RATE * 0.25 * start["scores/kernel"]
    )
    head = plain.get_layer("scores").kernel.numpy()
    fit(plain)
    fit(held, anchor, epochs=2)

    free, after = weights(plain), weights(held)
    for path in ("a/kernel", "a/bias", "b/kernel", "b/bias"):
        pull = RATE * 0.5 * (first[path] - start[path])
        np.testing.assert_allclose(after[path], free[path] - pull, atol=1e-7)
    pulled = free["scores/kernel"] - RATE * 0.25 * head
    np.testing.assert_allclose(after["scores/kernel"], pulled, atol=1e-6)
    np.testing.assert_allclose(after["scores/bias"], free["scores/bias"])


def test_logs_are_those_of_the_formula():
    model = dense(run_eagerly=True)
    before = weights(model)

    logs = fit(model, ElasticAnchor(0.5, head_strength=0.25, groups=GROUPS))

    after = weights(model)
    apart = distance(before, after, "a", "b")
    penalty = 0.25 * apart**2 + 0.125 * (after["scores/kernel"] ** 2).sum()
    np.testing.assert_allclose(logs["elastic_anchor/distance"], apart, 1e-5)
    np.testing.assert_allclose(logs["elastic_anchor/penalty"], penalty, 1e-5)


def test_a_head_that_is_held_is_anchored_like_the_rest():
    model = dense(run_eagerly=True)
    before = weights(model)

    logs = fit(model, ElasticAnchor(0.5, head_strength=None))

    apart = distance(before, weights(model), "a", "b", "scores")
    np.testing.assert_allclose(logs["elastic_anchor/distance"], apart, 1e-5)


def test_training_loss_has_the_penalty_and_every_evaluation_has_not():
    model, evaluations = dense(), Evaluations()
    anchor = ElasticAnchor(0.5, head_strength=10.0, groups=GROUPS)

    logs = fit(model, evaluations, anchor, epochs=2, validation_data=(X, Y))

    assert logs["loss"][0] > 10 > logs["val_loss"][0]
    np.testing.assert_allclose(logs["val_loss"], evaluations.losses)
    last = model.evaluate(X, Y, verbose=0)
    assert last == pytest.approx(evaluations.losses[-1])


def test_groups_that_thaw_later_are_held_in_either_order_of_callbacks():
    logs = []
    for strength, is_first in ((150.0, True), (150.0, False), (0.0, True)):
        anchor = ElasticAnchor(strength, head_strength=0.0, groups=GROUPS)
        freezing = ElasticFreezing(
            ThawOnSchedule(every_epochs=1), groups=GROUPS, warmup_steps=0
        )
        order = [anchor, freezing] if is_first else [freezing, anchor]
        logs.append(fit(dense(run_eagerly=True), *order, epochs=5))

    first, last, free = (each["elastic_anchor/distance"] for each in logs)
    assert first == last
    assert first[0] == free[0] == 0.0  # all of it is frozen
    assert 0 < first[-1] < 0.75 * free[-1]


def test_replayed_epochs_are_held_like_plain_ones():
    histories = []
    for cache in (None, "memory"):
        freezing = ElasticFreezing(
            ThawOnSchedule(every_epochs=2),
            groups=GROUPS,
            cache=cache,
            cache_dtype="float32",
        )
        anchor = ElasticAnchor(0.5, head_strength=5.0, groups=GROUPS)
        histories.append(fit(dense(), freezing, anchor, epochs=4))

    plain, replayed = histories
    assert max(replayed["elastic_freezing/cached_groups"]) > 0
    for key in ("loss", "elastic_anchor/penalty"):
        np.testing.assert_allclose(plain[key], replayed[key], rtol=1e-4)


def test_the_users_penalties_stay_and_ours_leave():
    model = dense(run_eagerly=True)
    kernel = model.get_layer("a").kernel
    own = kernel.regularizer = keras.regularizers.L2(0.25)
    with_both = ElasticAnchor(0.5, head_strength=0.0, groups=GROUPS)
    plain = dense(run_eagerly=True)
    plain.get_layer("a").kernel.regularizer = own

    logs, expected = fit(model, with_both), fit(plain)

    assert logs["loss"] == expected["loss"]  # at the anchor: the user's only
    assert kernel.regularizer is own
    others = [w for w in model.weights if w is not kernel]
    assert {w.regularizer for w in others} == {None}


def test_a_later_fit_is_free_of_the_penalty():
    model, plain = dense(), dense()
    fit(model, ElasticAnchor(0.5, head_strength=9.0, groups=GROUPS))
    plain.set_weights(model.get_weights())

    assert fit(model, epochs=2)["loss"] == fit(plain, epochs=2)["loss"]


def test_a_fit_that_was_interrupted_is_cleaned_up_on_demand():
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    model, anchor = dense(), ElasticAnchor(1.0, groups=GROUPS)
    with pytest.raises(KeyboardInterrupt):
        fit(model, anchor, Stop())
    left = len(model.losses)

    anchor.release()

    assert left > 0
    assert model.losses == []
    assert model.train_function is None


@pytest.mark.parametrize(
    ("head_strength", "is_solved"), [(None, False), (0.1, True)]
)
def test_a_head_that_is_held_is_not_solved_anew(head_strength, is_solved):
    groups = None if head_strength is None else GROUPS
    anchor = ElasticAnchor(0.5, head_strength=head_strength, groups=groups)
    freezing = ElasticFreezing(ThawOnSchedule(every_epochs=9), groups=GROUPS)

    fit(
        dense(run_eagerly=True),
        freezing,
        anchor,
        epochs=2,
        validation_data=(X, Y),
    )

    said = [sentence for _, sentence in freezing.cache_events]
    assert any(each.startswith("solved") for each in said) is is_solved
