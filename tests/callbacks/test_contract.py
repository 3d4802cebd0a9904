import tempfile

import callback_contract
import image_models
import keras
import pytest

from aet_keras import callbacks, policies

CASES = {
    "AdaptiveLearningRate": lambda: callbacks.AdaptiveLearningRate(
        policies.DecayOnStall(patience_epochs=1, min_improvement=0.5)
    ),
    "AverageWeights": callbacks.AverageWeights,
    "ElasticAnchor": lambda: callbacks.ElasticAnchor(0.1),
    "ElasticCheckpoint": lambda: callbacks.ElasticCheckpoint(
        tempfile.mkdtemp()
    ),
    "ElasticFreezing": image_models.gradual_freezing,
    "KeepBest": callbacks.KeepBest,
    "KeepHeadOnly": callbacks.KeepHeadOnly,
}


def is_callback(name):
    value = getattr(callbacks, name)
    return isinstance(value, type) and issubclass(
        value, keras.callbacks.Callback
    )


CALLBACKS = [name for name in callbacks.__all__ if is_callback(name)]


@pytest.mark.parametrize("name", CALLBACKS)
def test_callback_keeps_the_contract(name):
    assert name in CASES, f"add {name} to CASES in {__file__}"

    def make_model():
        keras.utils.set_random_seed(0)
        return image_models.compiled_classifier("sgd", run_eagerly=True)

    def fit(model, callback):
        return image_models.fit(
            model,
            callback,
            epochs=2,
            data=image_models.noise_images(16),
            validation_data=image_models.noise_images(8),
        )

    callback_contract.check_callback(CASES[name], make_model, fit)
