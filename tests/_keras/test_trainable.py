import image_models
import keras
import pytest

from aet_keras._keras import trainable


def test_keras_skips_an_equal_assignment_on_the_parent():
    # The trap itself: if Keras mends it, the seam can go.
    model = image_models.backbone()
    model.get_layer("a_conv").trainable = False

    model.trainable = True

    assert not model.get_layer("a_conv").trainable


def test_thawing_reaches_sublayers_that_differ():
    model = image_models.backbone()
    model.get_layer("a_conv").trainable = False

    trainable.set_trainable(model, True)

    assert len(model.trainable_weights) == 12


def test_exceptions_stay_frozen():
    model = image_models.backbone()

    trainable.set_trainable(
        model,
        True,
        except_for=lambda x: isinstance(x, keras.layers.BatchNormalization),
    )

    names = {weight.path.split("/")[0] for weight in model.trainable_weights}
    assert names == {"a_conv", "b_conv", "c_conv"}


def test_composite_layers_freeze_and_thaw_whole():
    layer = keras.layers.Bidirectional(keras.layers.LSTM(2))
    layer.build((None, 4, 3))

    trainable.set_trainable(layer, False)
    frozen = len(layer.trainable_weights)
    trainable.set_trainable(layer, True)

    assert (frozen, len(layer.trainable_weights)) == (0, 6)


def test_a_layer_of_layers_that_moves_though_loaded_as_frozen_is_not_held():
    class Outer(keras.layers.Layer):
        def build(self, shape):
            self.inside = keras.layers.Dense(2)
            self.inside.build(shape)

        def call(self, x):
            return self.inside(x)

    layer, x = Outer(trainable=False), keras.Input((3,))  # as Keras loads it
    model = keras.Model(x, layer(x))
    assert len(model.trainable_variables) == 2  # the trap itself

    held = trainable.Held.of(model, [[layer]], before=trainable.Held())
    trainable.set_trainable(layer, True, held=held)

    assert len(layer.trainable_weights) == 2


def test_a_custom_trainable_property_is_found_out():
    class Stubborn(keras.layers.Dense):
        @property
        def trainable(self):
            return True

        @trainable.setter
        def trainable(self, value):
            pass

    layer = Stubborn(2)
    layer.build((None, 3))

    with pytest.raises(RuntimeError, match="custom `trainable` property"):
        trainable.set_trainable(layer, False)


def test_opening_parents_leaves_the_flags_inside():
    base = image_models.backbone()
    model = image_models.classifier(base)
    base.trainable = False

    trainable.open_parents(model, [base.get_layer("b_conv")])

    assert base.trainable
    assert not model.trainable_weights[2:]  # the head's two alone
