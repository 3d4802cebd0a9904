"""Is all that moves one dense layer, and which loss is taken of it?"""

import dataclasses

import keras
import numpy as np

from aet_keras._keras.halves import Cut, Halves
from aet_keras.engine import _convex

# Products of rows, width and units that are solved in a few seconds.
_MOST_PRODUCTS = 1e9
_LINKS = {
    "binary_crossentropy": "sigmoid",
    "categorical_crossentropy": "softmax",
    "mean_squared_error": "linear",
    "sparse_categorical_crossentropy": "softmax",
}


@dataclasses.dataclass(frozen=True)
class DenseHead:
    """One dense layer above a cut, and the loss that is taken of it.

    Args:
        layer: the `keras.layers.Dense`.
        kind: `"softmax"`, `"sigmoid"` or `"linear"`.
        is_sparse: bool. Whether targets are class numbers.
    """

    layer: keras.layers.Dense
    kind: str
    is_sparse: bool

    @classmethod
    def of(cls, halves: Halves, cut: Cut) -> "DenseHead | None":
        """Returns the head above a cut, or None if it is not of this kind."""
        model = halves.model
        above = [
            step.layer
            for position, step in enumerate(halves.steps)
            if position not in cut.lower and step.layer is not None
        ]
        dense = [each for each in above if type(each) is keras.layers.Dense]
        rest = [each for each in above if each not in dense]
        if len(dense) != 1 or len(cut.keys) != 1 or model.losses:
            return None
        if not all(type(each) is keras.layers.Dropout for each in rest):
            return None
        if above[-1] is not dense[0] or not dense[0].trainable_weights:
            return None
        name, settings = _loss(model)
        kind = _LINKS.get(name)
        if kind is None or not dense[0].use_bias or _is_unusual(settings):
            return None
        if model.output_shape != (None, dense[0].units):
            return None
        own = keras.activations.serialize(dense[0].activation)
        if own != ("linear" if settings.get("from_logits") else kind):
            return None
        return cls(dense[0], kind, name.startswith("sparse"))

    def rows(self, features, y, sample_weight) -> _convex.Rows:
        """Returns recorded arrays in the form that is solved."""
        count = len(features)
        if self.is_sparse:
            y = np.eye(self.layer.units, dtype="float32")[
                y.reshape(count).astype("int64")
            ]
        if sample_weight is None:
            sample_weight = np.ones(count, "float32")
        return _convex.Rows(
            np.asarray(features, "float32"),
            np.asarray(y, "float32").reshape(count, -1),
            np.asarray(sample_weight, "float32").reshape(count),
        )

    def solve(self, train: _convex.Rows, validation: _convex.Rows):
        """Writes the best weights into the layer, if validation improves.

        Returns:
            Sentence that says what came of it, or `None` if the problem is
            too large to be solved at once.
        """
        products = train.features.size * self.layer.units
        if products > _MOST_PRODUCTS or train.features.ndim != 2:
            return None
        kernel, bias = self.layer.get_weights()
        before = _convex.mean_loss(kernel, bias, validation, kind=self.kind)
        found = _convex.solve(train, validation, kind=self.kind)
        if not found.loss < before:
            return None
        self.layer.set_weights([found.kernel, found.bias])
        return (
            f"solved the head: validation loss {before:.4f} to "
            f"{found.loss:.4f} (L2 strength {found.strength:g})"
        )


def _loss(model):
    """Returns the name of the loss function, and what the loss is set to."""
    loss = model.loss
    if isinstance(loss, str):
        loss = keras.losses.get(loss)
    function = getattr(loss, "fn", loss)
    settings = loss.get_config() if isinstance(loss, keras.Loss) else {}
    return getattr(function, "__name__", ""), settings


def _is_unusual(settings):
    is_ignoring = settings.get("ignore_class") is not None
    return bool(settings.get("label_smoothing") or is_ignoring)
