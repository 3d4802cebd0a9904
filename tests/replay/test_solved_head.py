"""Is a head solved only where that is the problem that `fit` works on?"""

import re

import keras
import numpy as np
import pytest
import replay_runs
from keras import layers, ops

from aet_keras._keras.split_graph import SplitGraph
from aet_keras.callbacks import ElasticFreezing
from aet_keras.losses.distillation import Distillation
from aet_keras.policies import ThawOnSchedule
from aet_keras.replay import dense_head
from aet_keras.replay.dense_head import heads_of
from aet_keras.replay.growing_array import GrowingArray
from aet_keras.replay.head_loss import NotSolved

COUNT = 29
X, KIND = replay_runs.noise_rows(COUNT)
TAUGHT = np.random.default_rng(1).dirichlet([1, 1, 1], COUNT)
MORE = replay_runs.noise_rows(61)  # the solver is nearer to the best of them


class Look(keras.callbacks.Callback):
    """Measures the solved head as any `evaluate` does, behind ours."""

    def __init__(self, freezing, validation):
        super().__init__()
        self.freezing, self.validation = freezing, validation
        self.before = self.measured = None

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 0:
            self.before = self.weights()

    def on_epoch_begin(self, epoch, logs=None):
        if epoch != 1:
            return
        self.solved = self.weights()
        x, y, sample_weight = (*self.validation, None)[:3]
        self.measured = self.model.evaluate(
            x,
            y,
            sample_weight=sample_weight,
            batch_size=16,
            verbose=0,
            return_dict=True,
        )

    def weights(self):
        return [v.numpy() for v in self.model.layers[-1].weights]


def compiled_model(
    head,
    *,
    loss="sparse_categorical_crossentropy",
    prepare=lambda head: None,
    compiled=None,
):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([replay_runs.build_backbone(), head])
    prepare(head)
    settings = {"run_eagerly": True} | (compiled or {})
    model.compile("sgd", loss, metrics=["accuracy"], **settings)
    return model


def run(head, *, y=KIND, validation=None, **settings):
    """Trains a head for two epochs; it may be solved after the first."""
    names = {"loss", "prepare", "compiled"} & settings.keys()
    model = compiled_model(head, **{k: settings.pop(k) for k in names})
    validation = validation or (X, y)
    policy = ThawOnSchedule(first_epoch=9)
    freezing = ElasticFreezing(
        policy, groups=replay_runs.GROUPS, cache="memory"
    )
    look = Look(freezing, validation)
    model.fit(
        X,
        y,
        validation_data=validation,
        epochs=2,
        batch_size=16,
        verbose=0,
        callbacks=[freezing, look],
        **settings,
    )
    return look


def reasons(look):
    said = [text for _, text in look.freezing.cache_events]
    return [each for each in said if each.startswith("does not solve")]


def softmax(**settings):
    return layers.Dense(3, "softmax", **settings)


def own_call(head):
    inner = head.call
    head.call = lambda x, training=None: inner(x) * 1.0


class Own(layers.Dense):
    pass


LEFT_ALONE = {
    "LoRA": (softmax(), "LoRA", {"prepare": lambda x: x.enable_lora(2)}),
    "int8": (softmax(), "quantized", {"prepare": lambda x: x.quantize("int8")}),
    "a kernel that is fixed": (
        softmax(),
        "its kernel is not trainable",
        {"prepare": lambda x: setattr(x.kernel, "trainable", False)},
    ),
    "a bias that is fixed": (
        softmax(),
        "its bias is not trainable",
        {"prepare": lambda x: setattr(x.bias, "trainable", False)},
    ),
    "a constraint": (
        softmax(bias_constraint="NonNeg"),
        "its bias has a constraint",
        {},
    ),
    "a regularizer": (
        softmax(kernel_regularizer="l2"),
        "the model has a regularizer",
        {},
    ),
    "no bias": (softmax(use_bias=False), "it has no bias", {}),
    "its own call": (softmax(), "a `call` of its own", {"prepare": own_call}),
    "a subclass": (Own(3, "softmax"), "not one `keras.layers.Dense`", {}),
    "a loss to be raised": (
        softmax(),
        "its loss weighs -1",
        {"compiled": {"loss_weights": -1.0}},
    ),
}


def build(head):
    """Returns a head whose weights can be prepared."""
    if not head.built:
        head.build((None, 5))
    return head


@pytest.mark.parametrize("case", LEFT_ALONE)
def test_a_head_that_is_not_plain_is_left_alone_with_the_reason(case):
    head, reason, settings = LEFT_ALONE[case]

    model = compiled_model(build(head), **settings)
    model.test_on_batch(X[:4], KIND[:4])
    graph = SplitGraph(model)
    boundary = graph.split_below(lambda layer: layer.name in {"a", "b", "c"})

    with pytest.raises(NotSolved, match=re.escape(reason)):
        heads_of(graph, boundary)


def test_a_head_that_is_left_alone_says_why_and_trains_on():
    head, _, settings = LEFT_ALONE["a bias that is fixed"]

    look = run(build(head), **settings)

    assert len(reasons(look)) == 1
    assert "its bias is not trainable" in reasons(look)[0]
    assert look.freezing.solved is None
    np.testing.assert_equal(look.solved, look.before)


def weighted_rows():
    weights = np.linspace(0, 2, COUNT).astype("float32")
    return {"validation": (X, KIND, weights)}


SOLVED = {
    "a plain head": (softmax, {}),
    "class weights, weights of validation rows": (
        softmax,
        {"class_weight": {0: 1.0, 1: 1.2, 2: 0.9}, **weighted_rows()},
    ),
    "a weight of the loss": (softmax, {"compiled": {"loss_weights": 0.5}}),
    "half precision": (lambda: softmax(dtype="mixed_float16"), {}),
    "a teacher beside labels": (
        softmax,
        {"loss": Distillation(), "y": np.hstack([np.eye(3)[KIND], TAUGHT])},
    ),
    "smoothed classes": (
        softmax,
        {
            "loss": keras.losses.CategoricalCrossentropy(label_smoothing=0.2),
            "y": np.eye(3, dtype="float32")[KIND],
        },
    ),
    "smoothed tags": (
        lambda: layers.Dense(3, activation="sigmoid"),
        {
            "loss": keras.losses.BinaryCrossentropy(label_smoothing=0.2),
            "y": np.eye(3, dtype="float32")[KIND],
        },
    ),
    "squared errors": (
        lambda: layers.Dense(1),
        {"loss": "mse", "y": KIND.astype("float32")},
    ),
}


@pytest.mark.parametrize("case", SOLVED)
def test_what_is_said_of_a_solved_head_is_what_keras_measures(case):
    make, settings = SOLVED[case]

    look = run(build(make()), **settings)

    solved = look.freezing.solved
    assert solved.epoch == 1 and solved.after < solved.before
    assert solved.logs == pytest.approx(
        {f"val_{name}": value for name, value in look.measured.items()},
        rel=2e-3,  # recorded features are float16
    )


class Generated(keras.utils.PyDataset):
    """Gives rows that are looked up: nothing proves that they stay."""

    def __len__(self):
        return 2

    def __getitem__(self, number):
        return X[number::2], KIND[number::2]


def test_rows_that_are_too_many_are_not_even_copied(monkeypatch):
    taken, take = [], GrowingArray.take
    monkeypatch.setattr(
        GrowingArray,
        "take",
        lambda self, rows: taken.append(len(rows)) or take(self, rows),
    )
    monkeypatch.setattr(dense_head, "_MOST_PRODUCTS", 5 * 3 * COUNT - 1)
    policy = ThawOnSchedule(first_epoch=9)
    freezing = ElasticFreezing(
        policy, groups=replay_runs.GROUPS, cache="memory"
    )

    compiled_model(softmax()).fit(
        Generated(),
        validation_data=Generated(),
        epochs=2,
        verbose=0,
        callbacks=[freezing],
    )

    said = [text for _, text in freezing.cache_events if "solve" in text]
    assert said == [
        "does not solve the head: it is too large to be solved in a few seconds"
    ]
    assert max(taken) == 15  # of the larger batch


def test_a_loss_that_differs_from_the_log_is_said_with_both_figures(
    monkeypatch,
):
    class Shift(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_loss"] = 3.0

    freezing = ElasticFreezing(
        ThawOnSchedule(first_epoch=9), groups=replay_runs.GROUPS, cache="memory"
    )
    keras.utils.set_random_seed(0)
    model = replay_runs.build_model()

    model.fit(
        *MORE,
        validation_data=MORE,
        epochs=3,
        verbose=0,
        callbacks=[Shift(), freezing],
    )

    said = [text for _, text in freezing.cache_events if "solve" in text]
    assert len(said) == 1
    assert "a validation loss of 1." in said[0]
    assert said[0].endswith("and Keras logged 3")


def test_a_function_that_only_has_a_known_name_is_not_solved_for():
    def binary_crossentropy(y_true, y_pred):
        costs = keras.losses.binary_crossentropy(y_true, y_pred)
        return (1 + 19 * y_true[:, 0]) * costs

    y = (KIND == 0).astype("float32")

    look = run(layers.Dense(1, "sigmoid"), loss=binary_crossentropy, y=y)

    assert (
        "`binary_crossentropy` is not a loss of Keras's own" in reasons(look)[0]
    )


@pytest.mark.parametrize(
    ("trains", "groups", "is_solved"),
    [
        (True, (["a", "norm"], ["b"], ["c"]), False),
        (False, (["a", "norm"], ["b"], ["c"]), True),
        (True, (["b"], ["c"]), True),  # it is below the groups, and stays
    ],
)
def test_features_that_a_thaw_normalizes_anew_solve_no_head(
    trains, groups, is_solved
):
    keras.utils.set_random_seed(0)
    norm = layers.BatchNormalization(name="norm")
    backbone = replay_runs.build_backbone(norm)
    backbone.get_layer("a").trainable = norm.trainable = len(groups) == 3
    model = keras.Sequential([backbone, softmax()])
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    freezing = ElasticFreezing(
        ThawOnSchedule(first_epoch=9),
        groups=groups,
        cache="memory",
        train_batch_normalization=trains,
    )

    model.fit(
        *MORE, validation_data=MORE, epochs=2, verbose=0, callbacks=[freezing]
    )

    assert (freezing.solved is not None) is is_solved
    said = " ".join(text for _, text in freezing.cache_events)
    assert ("BatchNormalization is to train" in said) is not is_solved


def test_added_losses_are_seen():
    class Adds(layers.Layer):
        def call(self, x):
            self.add_loss(ops.mean(x) * 0.01)
            return x

    keras.utils.set_random_seed(0)
    freezing = ElasticFreezing(
        ThawOnSchedule(first_epoch=9), groups=replay_runs.GROUPS, cache="memory"
    )
    head = (layers.Dropout(0.1), Adds())
    replay_runs.build_model(head=head).fit(
        X, KIND, validation_data=(X, KIND), epochs=2, verbose=0,
        callbacks=[freezing],
    )  # fmt: skip

    assert freezing.solved is None


def test_averages_of_weights_start_anew_at_a_solved_head():
    # Keras gives the model its averages when `fit` ends.
    keras.utils.set_random_seed(0)
    optimizer = keras.optimizers.SGD(1e-6, use_ema=True, ema_momentum=0.9)
    model = replay_runs.build_model(optimizer=optimizer)
    policy = ThawOnSchedule(first_epoch=9)
    freezing = ElasticFreezing(
        policy, groups=replay_runs.GROUPS, cache="memory"
    )

    model.fit(
        *MORE,
        validation_data=MORE,
        epochs=2,
        verbose=0,
        callbacks=[freezing],
    )

    loss = model.evaluate(*MORE, verbose=0)
    assert loss == pytest.approx(freezing.solved.after, rel=1e-3)
