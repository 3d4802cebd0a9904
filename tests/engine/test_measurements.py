"""Does a reader who only looks leave everything as it is?"""

import image_models
import keras
import numpy as np

from aet_keras import callbacks, policies
from aet_keras.engine import Engine


class Looking(keras.callbacks.Callback):
    """Has gradients measured, and takes what there is after each epoch."""

    def __init__(self):
        super().__init__()
        self.taken = []

    def on_epoch_begin(self, epoch, logs=None):
        Engine.of(self.model).measurements.watch_gradients(every_steps=1)

    def on_epoch_end(self, epoch, logs=None):
        self.taken.append(Engine.of(self.model).measurements.take_watched())


def attentive():
    """Returns a policy's callback that lives from measured gradients."""
    policy = policies.AttendToGradients(0.5, every_batches=2)
    return callbacks.ElasticFreezing(policy, every_steps=1)


def run(*more):
    keras.utils.set_random_seed(1)
    model = image_models.compiled_classifier()
    image_models.fit(model, attentive(), *more, epochs=2)
    return model.get_weights(), Engine.of(model)


def test_a_policy_decides_the_same_with_somebody_looking():
    looking = Looking()

    alone, _ = run()
    watched, _ = run(looking)

    assert len(looking.taken) == 2
    for one, two in zip(alone, watched, strict=True):
        np.testing.assert_array_equal(one, two)


def test_whoever_looks_has_the_mean_over_the_epoch_others_take_from():
    x, y = image_models.noise_images()
    looking, model = Looking(), image_models.compiled_classifier("sgd")
    freezing = callbacks.ElasticFreezing(
        policies.AttendToGradients(every_batches=1), every_steps=1
    )

    model.fit(x, y, 8, 2, verbose=0, callbacks=[freezing, looking])

    for found in looking.taken:  # the policy took them after every batch
        assert set(found) == {"gradient_norms", "weight_norms"}
        assert all(np.isfinite(norms).all() for norms in found.values())


def test_the_optimizer_has_its_own_update_again_after_fit():
    noise = callbacks.AdaptiveLearningRate(policies.AdaptToNoise())
    model = image_models.compiled_classifier()
    before = set(vars(model.optimizer))

    image_models.fit(model, attentive(), noise, Looking(), epochs=2)

    assert "_distributed_tf_update_step" not in vars(model.optimizer)
    assert before <= set(vars(model.optimizer))


def test_without_groups_nothing_is_measured():
    looking = Looking()

    image_models.fit(image_models.linear_classifier(), looking, epochs=1)

    assert looking.taken == [{}]
