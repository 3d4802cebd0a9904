import callback_contract
import keras
import pytest
import small

from aet_keras import callbacks, policies

CASES = {
    "AdaptiveLearningRate": lambda: callbacks.AdaptiveLearningRate(
        policies.DecayOnStall(patience_epochs=1, min_improvement=0.5)
    ),
    "ElasticFreezing": small.gradual,
    "KeepBest": callbacks.KeepBest,
}


@pytest.mark.parametrize("name", callbacks.__all__)
def test_callback_keeps_the_contract(name):
    assert name in CASES, f"add {name} to CASES in {__file__}"

    def make_model():
        keras.utils.set_random_seed(0)
        return small.compiled("adam")

    def fit(model, callback):
        return small.fit(
            model, callback, epochs=3, validation_data=small.pictures(8)
        )

    callback_contract.check_callback(CASES[name], make_model, fit)
