import tempfile

import callback_contract
import image_models
import keras
import pytest

from aet_keras import tracking

CASES = {
    "TensorBoard": lambda: tracking.TensorBoard(tempfile.mkdtemp()),
    "WeightsAndBiases": lambda: tracking.WeightsAndBiases(
        "clothes", directory=tempfile.mkdtemp(), mode="disabled"
    ),
}


@pytest.mark.parametrize("name", tracking.__all__)
def test_tracker_keeps_the_contract(name):
    assert name in CASES, f"add {name} to CASES in {__file__}"

    def make_model():
        keras.utils.set_random_seed(0)
        return image_models.linear_classifier("sgd", run_eagerly=True)

    def fit(model, callback):
        return image_models.fit(
            model,
            callback,
            epochs=2,
            validation_data=image_models.noise_images(8),
        )

    callback_contract.check_callback(CASES[name], make_model, fit)


@pytest.mark.parametrize("name", tracking.__all__)
def test_a_tracker_takes_what_a_recipe_hands_over(name):
    for method in ("record_hparams", "record_report", "finish"):
        assert callable(getattr(CASES[name](), method))
