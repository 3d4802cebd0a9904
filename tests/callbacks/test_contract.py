import tempfile

import callback_contract
import keras
import pytest
import replay_runs

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
    "ElasticFreezing": lambda: callbacks.ElasticFreezing(
        policies.ThawOnSchedule(every_epochs=1)
    ),
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
        return replay_runs.build_model()

    def fit(model, callback):
        return model.fit(
            *replay_runs.noise_rows(16),
            batch_size=8,
            epochs=2,
            verbose=0,
            validation_data=replay_runs.noise_rows(8),
            callbacks=[callback],
        )

    callback_contract.check_callback(CASES[name], make_model, fit)
