"""Small runs under a strategy, which tests compare with those of one process.

`worker_groups.Group` has each of several processes call a function of these.
"""

import functools
import os
import signal
import warnings
from unittest import mock

import image_models
import keras
import numpy as np
import tensorflow as tf

import aet_keras
from aet_keras import _cluster
from aet_keras.backbones import group_layers
from aet_keras.callbacks import (
    AdaptiveLearningRate,
    ElasticCheckpoint,
    ElasticFreezing,
)
from aet_keras.engine import Engine
from aet_keras.policies import Decision, ThawOnSchedule
from aet_keras.training import longer

MORE_STEPS = 24  # of a run of few rows: an epoch has two


def images(count):
    """Returns seeded images with labels that can be learned from them."""
    random = np.random.default_rng(0)
    x = random.normal(size=(count, 8, 8, 3)).astype("float32")
    return x, (x.mean(axis=(1, 2, 3)) > 0).astype("int64") + np.arange(
        count
    ) % 2


def rows(count):
    """Returns seeded rows of 5 numbers, and what a linear model made them."""
    random = np.random.default_rng(0)
    x = random.normal(size=(count, 5)).astype("float32")
    return x, (x @ random.normal(size=(5, 2))).astype("float32")


def linear_model(optimizer=None, *, penalty=0.0, **settings):
    """Returns a compiled model of one dense layer.

    Unlike Adam, its optimizer tells a gradient from a multiple of it.
    """
    regularizer = keras.regularizers.L2(penalty) if penalty else None
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(2, kernel_regularizer=regularizer),
        ]
    )
    settings = {"loss": "mse", **settings}
    optimizer = optimizer or keras.optimizers.SGD(0.01, momentum=0.9)
    model.compile(optimizer, **settings)
    return model


def weights_of(model):
    """Returns all weights as arrays."""
    return [each.numpy() for each in model.weights]


def linear_run(count=75, fit=None, *, strategy=None, is_whole=True, **settings):
    """Fits a linear model; returns its weights and logs.

    The whole also validates, evaluates and predicts, which is traced anew.
    """
    keras.utils.set_random_seed(0)
    with aet_keras.scope(strategy):
        model = linear_model(metrics=["mae"], **settings)
    x, y = rows(count)
    given = {"batch_size": 16, "epochs": 3, "verbose": 0, **(fit or {})}
    if is_whole:
        given["validation_data"] = x[:21], y[:21]
    run = {"logs": model.fit(x, y, **given).history}
    run["weights"] = weights_of(model)
    if is_whole:
        run["evaluated"] = model.evaluate(x, y, batch_size=16, verbose=0)
        run["predicted"] = model.predict(x, batch_size=16, verbose=0)
    return run


def many_runs(cases):
    """Returns a `linear_run` of each of some settings."""
    return [linear_run(**settings) for settings in cases]


def linear_run_of_several_steps():
    """Returns the sentence about two steps a call."""
    return sentence_of(lambda: linear_run(steps_per_execution=2))


def elastic_run(count=45, epochs=4, normalizes=False):
    """Fits a small backbone with both of our callbacks."""
    with aet_keras.scope():
        return _elastic_run(count, epochs, normalizes)


def elastic_run_in_a_scope_of_the_user(count, epochs, normalizes):
    """Does what `elastic_run` does, in the scope of a strategy alone."""
    from aet_keras._keras import strategy, workers

    made = strategy.made_for_here()
    assert workers.has_collectives()  # what a callback can see of it
    with made.scope():
        return _elastic_run(count, epochs, normalizes)


def _elastic_run(count, epochs, normalizes=False):
    keras.utils.set_random_seed(0)
    base = image_models.backbone()
    for layer in base.layers:  # statistics that are not those of no data
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(
                0.1 * np.arange(layer.moving_mean.shape[0])
            )
    model = image_models.classifier(base)
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    freezing = ElasticFreezing(
        ThawOnSchedule(every_epochs=1),
        cache=None,
        train_batch_normalization=normalizes,
    )
    x, y = images(count)
    shown = model.fit(
        x,
        y,
        batch_size=16,
        epochs=epochs,
        verbose=0,
        validation_data=(x[:21], y[:21]),
        callbacks=[freezing, AdaptiveLearningRate()],
    )
    return {
        "weights": weights_of(model),
        "logs": shown.history,
        "maps": freezing.history,
    }


def unmended_run():
    """Returns what Keras says to `fit`, and where its build alone is mended."""
    from keras.src.backend.tensorflow import trainer

    from aet_keras._keras import strategy, workers

    made, said = strategy.made_for_here(), []
    trainer.TensorFlowTrainer._make_function = workers._OWN_MAKE
    trainer.reduce_per_replica = workers._OWN_REDUCE
    for build in (workers._OWN_BUILD, workers._build_of_specs):
        trainer.TensorFlowTrainer._maybe_symbolic_build = build
        with made.scope():
            model = linear_model()
        fit = functools.partial(model.fit, batch_size=16, verbose=0)
        said.append(sentence_of(fit, *rows(32)))
    workers.mend()
    return said


class Stops(keras.callbacks.Callback):
    """Stops `fit` after some epochs, in one worker."""

    def __init__(self, index, epochs=1):
        super().__init__()
        self.stops = _cluster.here().index == index
        self.epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        if self.stops and epoch + 1 == self.epochs:
            self.model.stop_training = True


class Hurries(keras.callbacks.Callback):
    """Doubles the rate, in one worker."""

    def __init__(self, index):
        super().__init__()
        self.writes = _cluster.here().index == index

    def on_epoch_end(self, epoch, logs=None):
        if self.writes:
            Engine.of(self.model).apply(Decision(rate=0.02))


def dense_run(
    *callbacks,
    policy=None,
    data=None,
    seed=0,
    epochs=3,
    strategy=None,
    **settings,
):
    """Fits two dense layers below a head; returns weights, map and logs."""
    keras.utils.set_random_seed(seed)
    with aet_keras.scope(strategy):
        base = keras.Sequential(
            [keras.Input((5,)), keras.layers.Dense(4), keras.layers.Dense(4)],
            name="old",
        )
        model = keras.Sequential([base, keras.layers.Dense(2)])
        model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "mse")
    freezing = ElasticFreezing(
        policy or ThawOnSchedule(every_epochs=1), cache=None
    )
    x, y = rows(41) if data is None else data
    settings = {"batch_size": 8, "epochs": epochs, "verbose": 0, **settings}
    shown = model.fit(
        x,
        y,
        callbacks=[freezing, *callbacks],
        validation_data=rows(9),
        **settings,
    )
    return {
        "weights": weights_of(model),
        "maps": freezing.history,
        "logs": shown.history,
    }


def few_rows_run(has_groups=False):
    """Returns a `fine_tune` of few rows, which has more steps at its end."""
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    y = np.arange(130) % 3
    x = np.abs(random.normal(size=(130, 8)))
    x *= np.sign(random.normal(size=(3, 8)))[y]
    x = (x + random.normal(size=x.shape)).astype("float32")
    with aet_keras.scope():
        base = keras.Sequential(
            [keras.layers.Dense(8, "relu"), keras.layers.Dense(8, "relu")],
            name="old",
        )
        head = keras.layers.Dense(3, "softmax")
        model = keras.Sequential([keras.Input((8,)), base, head])
        model.compile(
            keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy"
        )
    with mock.patch.object(longer, "STEPS", MORE_STEPS):
        ended = aet_keras.fine_tune(
            model,
            (x[:40], y[:40]),
            validation_data=(x[40:], y[40:]),
            epochs=4,
            verbose=0,
            freezing=ElasticFreezing(
                groups=group_layers(model)[:-1] if has_groups else None,
                cache=None,  # else each has its own order
            ),
        )
    return {
        "weights": weights_of(model),
        "best": ended.best_figures["val_loss"],
        "said": ended.longer and ended.longer.sentence,
        "events": ended.cache_events,
    }


def chief_decides():
    """Returns a `dense_run` whose workers have other policies."""
    every = 1 if _cluster.here().is_chief else 2
    return dense_run(policy=ThawOnSchedule(every_epochs=every), epochs=2)


def one_stops(index):
    """Returns after how many epochs all end, where one worker stops."""
    policy = ThawOnSchedule(first_epoch=9)  # nothing is traced again
    return len(dense_run(Stops(index), policy=policy, epochs=2)["maps"])


def sentence_of(function, *arguments):
    """Returns the error of a function, or None."""
    try:
        function(*arguments)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def one_hurries():
    """Returns the sentence where one worker has another rate."""
    return sentence_of(dense_run, Hurries(1))


def other_data():
    """Returns the sentence where one worker has other rows."""
    x, y = rows(41)
    x[-1] += _cluster.here().index
    return sentence_of(lambda: dense_run(data=(x, y)))


def other_seed():
    """Returns the sentence where one worker shuffles otherwise."""
    return sentence_of(lambda: dense_run(seed=_cluster.here().index))


def unseeded_data():
    """Returns the sentence about a data set without a seed."""
    tf.random.set_seed(None)
    data = tf.data.Dataset.from_tensor_slices(rows(41)).batch(8)
    data = data.shuffle(8)
    return sentence_of(lambda: dense_run(data=(data, None), batch_size=None))


def generated_data():
    """Returns the sentence about rows of a generator."""
    data = tf.data.Dataset.from_generator(
        lambda: zip(*rows(16), strict=True),
        output_signature=(tf.TensorSpec((5,)), tf.TensorSpec((2,))),
    ).batch(8)
    return sentence_of(lambda: dense_run(data=(data, None), batch_size=None))


def one_row():
    """Returns the sentence about less rows than workers."""
    return sentence_of(lambda: dense_run(data=rows(1)))


def numbers_told():
    """Returns what the workers tell each other."""
    from aet_keras._keras import agreement, strategy

    made = strategy.made_for_here()
    index = agreement.worker_index(made)
    return (
        agreement.worker_count(made),
        index,
        agreement.gather(made, [index + 10, 2**60 + index]).tolist(),
        agreement.broadcast(made, {"of": index, "rate": 0.1, "none": None}),
    )


class Killed(Exception):
    """Stands for a process that is gone."""


class Shoots(keras.callbacks.Callback):
    """Kills its own process after some batches, in one worker.

    Where there are no others, it raises `Killed`.
    """

    def __init__(self, index, batches):
        super().__init__()
        self.left = batches if _cluster.here().index == index else -1

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            if not _cluster.here().is_several:
                raise Killed
            os.kill(os.getpid(), signal.SIGKILL)


def saved_run(folder, index=None, batches=0, strategy=None):
    """Returns a `dense_run` that is saved, and where it began.

    One worker kills itself, if `index` names one.
    """
    checkpoint = ElasticCheckpoint(folder, save_freq=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of callbacks that start anew
        run = dense_run(
            AdaptiveLearningRate(),
            checkpoint,
            Shoots(index, batches),
            strategy=strategy,
        )
    return {**run, "resumed_from": checkpoint.resumed_from}
