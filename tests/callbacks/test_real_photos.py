"""Does elastic freezing hold on a real backbone and real photos?"""

import image_models
import keras
import pytest

import aet_keras

WEIGHTS = "mobilenetv2_imagenet_notop.weights.h5"
PHOTOS = "clothing10_128px_jpeg.npz"


class Scripted(aet_keras.policies.Policy):
    """Lets the top group move, and then the one below it in its place."""

    maps = (
        (False, False, False, False, True),
        (False, False, False, True, False),
    )

    def decide(self, progress):
        flags = self.maps[min(progress.epoch, 1)]
        return aet_keras.policies.Decision(trainable=flags)


@pytest.mark.slow
def test_after_every_thaw_and_freeze_only_thawed_weights_move(shared_data):
    dataset = aet_keras.data.read_images(
        str(shared_data(PHOTOS)), image_size=(64, 64)
    )
    base = aet_keras.backbones.load_backbone(
        "MobileNetV2", weights=str(shared_data(WEIGHTS)), image_size=(64, 64)
    )
    pixels = keras.Input((64, 64, 3))
    x = aet_keras.backbones.preprocess("MobileNetV2", pixels)
    x = keras.layers.GlobalAveragePooling2D()(base(x))
    model = keras.Model(pixels, keras.layers.Dense(10, "softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    freezing = aet_keras.callbacks.ElasticFreezing(Scripted())
    snapshots = image_models.WeightSnapshots()

    photos = dataset.train.inputs[:8], dataset.train.labels[:8]
    image_models.fit(model, freezing, snapshots, data=photos, epochs=2)

    groups = aet_keras.backbones.group_layers(model)[:-1]
    for epoch, flags in enumerate(freezing.history):
        before, after = snapshots.taken[epoch : epoch + 2]
        moved = image_models.changed_weights(before, after)
        for group, thawed in zip(groups, flags, strict=True):
            check_group(group, thawed, moved)
    assert freezing.history == list(Scripted.maps)


def check_group(group, thawed, moved):
    """Every kernel of a thawed group moved, and nothing else in the group."""
    for layer in group.layers:
        fixed = isinstance(layer, keras.layers.BatchNormalization)
        for weight in getattr(layer, "weights", ()):
            assert (weight.path in moved) == (thawed and not fixed), weight.path
