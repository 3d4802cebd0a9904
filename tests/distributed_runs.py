"""Small runs under a strategy, which tests compare with those of one process.

`worker_groups.Group` has each of several processes call a function of these.
"""

import image_models
import keras
import numpy as np

import aet_keras
from aet_keras.callbacks import AdaptiveLearningRate, ElasticFreezing
from aet_keras.policies import ThawOnSchedule


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
    """Returns a compiled model of one dense layer."""
    regularizer = keras.regularizers.L2(penalty) if penalty else None
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(2, kernel_regularizer=regularizer),
        ]
    )
    settings = {"loss": "mse", **settings}
    model.compile(optimizer or keras.optimizers.Adam(0.05), **settings)
    return model


def weights_of(model):
    """Returns all weights as arrays."""
    return [each.numpy() for each in model.weights]


def linear_run(count=75, fit=None, **settings):
    """Fits a linear model; returns weights, logs, and more of the kind."""
    keras.utils.set_random_seed(0)
    with aet_keras.scope():
        model = linear_model(metrics=["mae"], **settings)
    return _run(model, rows(count), fit or {})


def replicated_run(strategy, count=75, fit=None, **settings):
    """Does what `linear_run` does under a strategy of your own."""
    keras.utils.set_random_seed(0)
    with aet_keras.scope(strategy):
        model = linear_model(metrics=["mae"], **settings)
    return _run(model, rows(count), fit or {})


def _run(model, data, settings):
    x, y = data
    shown = model.fit(
        x,
        y,
        **{"batch_size": 16, "epochs": 3, "verbose": 0, **settings},
        validation_data=(x[:21], y[:21]),
    )
    return {
        "weights": weights_of(model),
        "logs": shown.history,
        "evaluated": model.evaluate(x, y, batch_size=16, verbose=0),
        "predicted": model.predict(x, batch_size=16, verbose=0),
    }


def many_runs(cases):
    """Returns a `linear_run` of each of some settings."""
    return [linear_run(**settings) for settings in cases]


def linear_run_of_several_steps():
    """Tries a `linear_run` of two steps a call."""
    return linear_run(steps_per_execution=2)


def elastic_run():
    """Fits a small backbone with both of our callbacks."""
    with aet_keras.scope():
        return _elastic_run()


def elastic_run_in_a_scope_of_the_user():
    """Does what `elastic_run` does, in the scope of a strategy alone."""
    from aet_keras._keras import strategy, workers

    assert workers.has_collectives()
    made = strategy.made_for_here()
    with made.scope():
        return _elastic_run()


def _elastic_run():
    keras.utils.set_random_seed(0)
    base = image_models.backbone()
    for layer in base.layers:  # statistics that are not those of no data
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(
                0.1 * np.arange(layer.moving_mean.shape[0])
            )
    model = image_models.classifier(base)
    model.compile(
        keras.optimizers.Adam(0.01),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    freezing = ElasticFreezing(ThawOnSchedule(every_epochs=1), cache=None)
    x, y = images(45)
    shown = model.fit(
        x,
        y,
        batch_size=16,
        epochs=4,
        verbose=0,
        validation_data=(x[:21], y[:21]),
        callbacks=[freezing, AdaptiveLearningRate()],
    )
    return {
        "weights": weights_of(model),
        "logs": shown.history,
        "evaluated": model.evaluate(x, y, batch_size=16, verbose=0),
        "predicted": model.predict(x, batch_size=16, verbose=0),
        "maps": freezing.history,
    }


def unmended_run():
    """Returns what Keras says to the first `fit`, and to the next mended."""
    from keras.src.backend.tensorflow import trainer

    from aet_keras._keras import strategy, workers

    made = strategy.made_for_here()
    said = []
    for is_built in (False, True):
        if is_built:
            trainer.TensorFlowTrainer._maybe_symbolic_build = (
                workers._build_of_specs
            )
        with made.scope():
            model = linear_model()
        try:
            model.fit(*rows(32), batch_size=16, verbose=0)
        except Exception as error:
            said.append(f"{type(error).__name__}: {error}")
    trainer.TensorFlowTrainer._maybe_symbolic_build = workers._OWN_BUILD
    return said, workers.is_mended()
