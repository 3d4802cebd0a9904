import image_models
import keras
import numpy as np
import pytest

from aet_keras._keras import optimizer as optimizers

SLOTS = {  # per weight: m and v, a velocity, a sum, ...
    "Adam": 2,
    "AdamW": 2,
    "SGD": 1,
    "Adagrad": 1,
    "Adadelta": 2,
    "Lion": 1,
    "Nadam": 2,
    "RMSprop": 2,
    "Ftrl": 2,
}


def made(name):
    momentum = {"momentum": 0.9} if name in ("SGD", "RMSprop") else {}
    return getattr(keras.optimizers, name)(0.01, **momentum)


def trained_on_the_head(optimizer):
    """Returns a model of 14 weights, after four steps of the head's two."""
    model = image_models.classifier()
    model.get_layer("old").trainable = False
    model.compile(optimizer, "sparse_categorical_crossentropy")
    head = model.trainable_variables
    for _ in range(4):  # by hand: a fit's trace costs ten times as much
        gradients = [np.random.normal(size=v.shape) for v in head]
        optimizer.apply([keras.ops.cast(g, "float32") for g in gradients], head)
    model.get_layer("old").trainable = True
    return model


def by_name(optimizer):
    return {v.path: v.numpy().copy() for v in optimizer.variables}


def test_keras_refuses_weights_it_was_not_built_on():
    model = trained_on_the_head(keras.optimizers.Adam())
    model.make_train_function(force=True)

    with pytest.raises(ValueError, match="Unknown variable"):
        image_models.fit(model, epochs=1)


@pytest.mark.parametrize("name", SLOTS)
def test_widening_keeps_every_slot_and_makes_the_missing_ones(name):
    model = trained_on_the_head(made(name))
    before = by_name(model.optimizer)

    new = optimizers.widen(model, list(model.trainable_variables))

    after = by_name(model.optimizer)
    assert len(new) == 12
    assert len(after) == len(before) + 12 * SLOTS[name]
    kept = [path for path in before if "scores" in path]
    assert len(kept) == 2 * SLOTS[name]
    for path in kept:
        np.testing.assert_array_equal(after[path], before[path])
    assert model.optimizer.iterations.numpy() == 4


def test_widening_keeps_the_loss_scale_and_its_counter():
    inner = keras.optimizers.Adam()
    model = trained_on_the_head(keras.optimizers.LossScaleOptimizer(inner))
    model.optimizer.dynamic_scale.assign(8.0)

    optimizers.widen(model, list(model.trainable_variables))

    assert model.optimizer.dynamic_scale.numpy() == 8.0
    assert model.optimizer.step_counter.numpy() == 4
    assert model.optimizer.inner_optimizer is inner
    assert len(inner._momentums) == 14


def test_widening_keeps_nadams_product():
    model = trained_on_the_head(keras.optimizers.Nadam())
    before = model.optimizer._u_product.numpy()

    optimizers.widen(model, list(model.trainable_variables))

    assert before < 1.0
    assert model.optimizer._u_product.numpy() == before


def test_widening_keeps_gathered_gradients():
    model = trained_on_the_head(
        keras.optimizers.SGD(gradient_accumulation_steps=3)
    )
    index = optimizers.index_of(model.optimizer, model.trainable_weights[-1])
    before = model.optimizer._accumulated_gradients[index].numpy()

    optimizers.widen(model, list(model.trainable_variables))

    index = optimizers.index_of(model.optimizer, model.trainable_weights[-1])
    after = model.optimizer._accumulated_gradients[index].numpy()
    assert np.any(before)
    np.testing.assert_array_equal(after, before)


def test_averages_of_new_weights_start_at_the_weights():
    model = trained_on_the_head(keras.optimizers.SGD(use_ema=True))

    optimizers.widen(model, list(model.trainable_variables))

    for weight in model.get_layer("old").trainable_weights:
        index = optimizers.index_of(model.optimizer, weight)
        average = model.optimizer._model_variables_moving_average[index]
        np.testing.assert_array_equal(average.numpy(), weight.numpy())


def test_widening_to_what_is_known_changes_nothing():
    model = image_models.compiled_classifier()
    model.optimizer.build(model.trainable_variables)
    before = [id(v) for v in model.optimizer.variables]

    new = optimizers.widen(model, list(model.trainable_variables))

    assert new == set()
    assert [id(v) for v in model.optimizer.variables] == before


def test_the_order_is_the_models_so_that_a_saved_state_fits():
    model = trained_on_the_head(keras.optimizers.Adam())

    optimizers.widen(model, list(model.trainable_variables))

    known = optimizers.known_variables(model.optimizer)
    assert [id(v) for v in known] == [id(v) for v in model.trainable_variables]
