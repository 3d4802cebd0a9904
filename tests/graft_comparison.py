"""Compares a network of `keras.applications` before and after a graft."""

import dataclasses
import inspect

import keras
import numpy as np

from aet_keras import backbones, layers

# Below a gate at exactly 1 all is the same, but kernels may add in any order.
TOLERANCE = 1e-6
# A network whose outputs hardly differ would hide what a graft does.
LEAST_SPREAD = 0.01
_SIZES = (32, 71, 75)  # the smallest that one family or another allows


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What grafting did to a network's outputs, in parts of the largest."""

    places: int
    spread: float
    difference: float
    groups: tuple
    expected_groups: tuple

    @property
    def is_ok(self):
        return (
            self.places > 0
            and self.spread > LEAST_SPREAD
            and self.difference <= TOLERANCE
            and self.groups == self.expected_groups
        )


def application_names():
    """Lists the constructors of `keras.applications`."""
    found = vars(keras.applications).items()
    return sorted(
        name
        for name, value in found
        if inspect.isfunction(value) and name[0].isupper()
    )


def compare(name):
    """Grafts a gate after every group of a network, and compares."""
    model, images = calibrated_network(name)
    groups = backbones.group_layers(model)
    expected = np.asarray(model(images[:2], training=False))
    grafted = backbones.graft(model, layers.SqueezeExcite, after=groups)
    outputs = np.asarray(grafted(images[:2], training=False))
    largest = np.abs(expected).max()
    return Comparison(
        places=sum(backbones.is_grafted(layer) for layer in grafted.layers),
        spread=float(np.abs(expected[0] - expected[1]).max() / largest),
        difference=float(np.abs(outputs - expected).max() / largest),
        groups=group_layer_names(backbones.group_layers(grafted)),
        expected_groups=group_layer_names(groups, with_gates=True),
    )


def group_layer_names(groups, *, with_gates=False):
    """Returns name and layers of each group, with a gate to come at its end."""
    found = []
    for group in groups:
        names = [layer.name for layer in group.layers]
        if with_gates and group.name != "head":
            names.append(f"graft_{names[-1]}")
        found.append((group.name, tuple(names)))
    return tuple(found)


def calibrated_network(name):
    """Builds a seeded network whose BatchNormalization fits its images."""
    keras.utils.set_random_seed(0)
    model = _smallest(name)
    size = model.input_shape[1]
    random = np.random.default_rng(0)
    images = random.uniform(0, 255, (8, size, size, 3)).astype("float32")
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(images, training=True)
    return model, images


def _smallest(name):
    build = getattr(keras.applications, name)
    for size in _SIZES:
        try:
            return build(
                weights=None,
                input_shape=(size, size, 3),
                classes=10,
                classifier_activation=None,
            )
        except ValueError:
            if size == _SIZES[-1]:
                raise
