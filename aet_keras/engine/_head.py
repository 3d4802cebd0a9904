"""Is all that moves dense layers, one an output, and with which losses?"""

import dataclasses

import keras
import numpy as np

from aet_keras._keras.halves import Cut, Halves, Key
from aet_keras.engine import _convex
from aet_keras.engine._outputs import by_output
from aet_keras.engine._paths import path_to, steps_above
from aet_keras.losses import Uncertainty, WeightedByUncertainty

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
        reads: `Key` of the features that it is given.
        output: int. Which of the model's outputs it makes.
        uncertainty: optional `Uncertainty`. Learns what its loss weighs.
    """

    layer: keras.layers.Dense
    kind: str
    is_sparse: bool
    reads: Key
    output: int
    uncertainty: Uncertainty | None

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

    def is_small(self, rows: _convex.Rows) -> bool:
        """Says whether the problem can be solved at once."""
        products = rows.features.size * self.layer.units
        return products <= _MOST_PRODUCTS and rows.features.ndim == 2

    def solve(self, train: _convex.Rows, validation: _convex.Rows):
        """Writes the best weights into the layer, if validation improves.

        Returns:
            What came of it, in words, or `None`.
        """
        kernel, bias = self.layer.get_weights()
        before = _convex.mean_loss(kernel, bias, validation, kind=self.kind)
        found = _convex.solve(train, validation, kind=self.kind)
        if not found.loss < before:
            return None
        self.layer.set_weights([found.kernel, found.bias])
        if self.uncertainty is not None:
            self.uncertainty.settle(found.loss)
        return (
            f"validation loss {before:.4f} to {found.loss:.4f} "
            f"(L2 strength {found.strength:g})"
        )


def heads_of(halves: Halves, cut: Cut) -> list[DenseHead]:
    """Returns the head of each output; none if one is not a dense layer.

    On fixed features each of them is a problem of its own, whatever its loss
    weighs beside the others'.
    """
    model = halves.model
    losses = by_output(model, model.loss)
    if losses is None or model.losses:
        return []
    paths = [path_to(halves, cut, key) for key in halves.outputs]
    if not all(paths):
        return []
    heads = [
        _head(path, loss, output)
        for output, (path, loss) in enumerate(zip(paths, losses, strict=True))
    ]
    known = {id(layer) for path in paths for layer in path.layers}
    above = [each.layer for each in steps_above(halves, cut)]
    is_all = all(layer is None or id(layer) in known for layer in above)
    one_each = len({id(head and head.layer) for head in heads}) == len(heads)
    return heads if all(heads) and is_all and one_each else []


def solve(heads: list[DenseHead], model: keras.Model, sides) -> list[str]:
    """Solves heads on what was recorded, all of them or none.

    Args:
        heads: list of `DenseHead`.
        model: the model that they are of.
        sides: `Side` of training and of validation.

    Returns:
        List of a sentence for each head that has better weights now.
    """
    rows = [[_rows(head, model, side) for side in sides] for head in heads]
    if any(None in each for each in rows):
        return []
    pairs = list(zip(heads, rows, strict=True))
    if not all(head.is_small(train) for head, (train, _) in pairs):
        return []
    found = [(head, head.solve(*each)) for head, each in pairs]
    return [
        f"solved the head{_called(head, heads)}: {what}"
        for head, what in found
        if what is not None
    ]


def _rows(head, model, side):
    """Returns what a side recorded for a head, or None if that is unclear."""
    features, y, sample_weight = side.recorded(head.reads)
    y, weights = by_output(model, y), by_output(model, sample_weight)
    if y is None or weights is None or y[head.output] is None:
        return None
    return head.rows(features, y[head.output], weights[head.output])


def _called(head, heads):
    return "" if len(heads) == 1 else f" `{head.layer.name}`"


def _head(path, loss, output):
    """Returns the head at the end of a path, or None."""
    below = list(path.layers)
    uncertainty = None
    if below and type(below[-1]) is Uncertainty:
        uncertainty = below.pop()
    dense = below.pop() if below else None
    if type(dense) is not keras.layers.Dense or not dense.trainable_weights:
        return None
    if not all(type(each) is keras.layers.Dropout for each in below):
        return None
    if not dense.use_bias or path.shape != (None, dense.units):
        return None
    is_weighted = isinstance(loss, WeightedByUncertainty)
    name, settings = _named(loss.loss if is_weighted else loss)
    kind = _LINKS.get(name)
    if kind is None or _is_unusual(settings):
        return None
    own = keras.activations.serialize(dense.activation)
    if own != ("linear" if settings.get("from_logits") else kind):
        return None
    learns = is_weighted and uncertainty is not None and uncertainty.trainable
    return DenseHead(
        layer=dense,
        kind=kind,
        is_sparse=name.startswith("sparse"),
        reads=path.key,
        output=output,
        uncertainty=uncertainty if learns else None,
    )


def _named(loss):
    """Returns the name of a loss function, and what the loss is set to."""
    if isinstance(loss, str):
        loss = keras.losses.get(loss)
    function = getattr(loss, "fn", loss)
    settings = loss.get_config() if isinstance(loss, keras.Loss) else {}
    return getattr(function, "__name__", ""), settings


def _is_unusual(settings):
    is_ignoring = settings.get("ignore_class") is not None
    return bool(settings.get("label_smoothing") or is_ignoring)
