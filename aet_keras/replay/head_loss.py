"""Decides whether the loss of an output can be solved for."""

import dataclasses

import keras
import numpy as np

from aet_keras._keras import loss_objects
from aet_keras.losses import WeightedByUncertainty
from aet_keras.losses.distillation import Distillation
from aet_keras.replay.taught_loss import TaughtLoss

# The very functions: another one may have the same name.
_KNOWN = (
    (keras.losses.binary_crossentropy, "sigmoid", False),
    (keras.losses.categorical_crossentropy, "softmax", False),
    (keras.losses.mean_squared_error, "linear", False),
    (keras.losses.sparse_categorical_crossentropy, "softmax", True),
)
_ACTIVATIONS = {
    "linear": keras.activations.linear,
    "sigmoid": keras.activations.sigmoid,
    "softmax": keras.activations.softmax,
}
# Settings of these functions, and what they must be.
_PLAIN = {
    "axis": (-1, 1),
    "ignore_class": (None,),
}
_MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")


class NotSolved(Exception):
    """Says why a head is left to training."""


@dataclasses.dataclass(frozen=True)
class KnownLoss:
    """One output's loss, as one of Keras's own, or `Distillation`.

    Args:
        kind: `"softmax"`, `"sigmoid"` or `"linear"`.
        is_sparse: bool. Whether targets are class numbers.
        takes_logits: bool. Whether the output has no activation.
        loss: the `keras.losses.Loss` itself.
        learns_weight: bool. Whether `WeightedByUncertainty` is around it.
        taught: optional `TaughtLoss`, where a teacher has a part in it.
        smoothing: float from 0 to 1. The `label_smoothing` of its targets.
    """

    kind: str
    is_sparse: bool
    takes_logits: bool
    loss: keras.losses.Loss
    learns_weight: bool
    taught: TaughtLoss | None = None
    smoothing: float = 0.0

    @classmethod
    def of(cls, loss) -> "KnownLoss":
        """Returns a compiled loss as a `KnownLoss`.

        Raises:
            NotSolved: if it is not one of Keras's own, or has a setting that
                makes it another problem.
        """
        learns_weight = type(loss) is WeightedByUncertainty
        if learns_weight and loss_objects.is_overridden(loss):
            raise NotSolved(f"{type(loss).__name__} has a `call` of its own")
        loss = loss.resolved if learns_weight else loss
        if type(loss) is Distillation and not loss_objects.is_overridden(loss):
            _check_computed(loss)
            taught = TaughtLoss.of(loss)
            logits = loss.from_logits
            return cls("softmax", False, logits, loss, learns_weight, taught)
        parts = loss_objects.function_of(loss)
        known = parts and _known(parts[0])
        if parts is None or known is None:
            raise NotSolved(_why_not_known(loss, parts))
        kind, is_sparse = known
        settings = dict(parts[1])
        takes_logits = bool(settings.pop("from_logits", False))
        smoothing = settings.pop("label_smoothing", 0.0)
        _check_settings(settings)
        _check_computed(loss)
        return cls(
            kind,
            is_sparse,
            takes_logits,
            loss,
            learns_weight,
            smoothing=_checked_smoothing(smoothing),
        )

    def check_activation(self, activation) -> None:
        """Raises a `NotSolved` unless it belongs to the loss."""
        wanted = "linear" if self.takes_logits else self.kind
        if activation is not _ACTIVATIONS[wanted]:
            raise NotSolved(
                f"its activation is not Keras's own `{wanted}`, which its loss "
                "goes with"
            )

    def targets(self, y: np.ndarray, units: int) -> np.ndarray:
        """Returns recorded targets as `(count, units)`.

        Those of a teacher are twice as wide; see `TaughtLoss`.

        Raises:
            NotSolved: if they are not what the loss goes with.
        """
        count = len(y)
        if self.taught is not None:
            found = self.taught.targets(np.asarray(y, "float32"), units)
            if found is None:
                raise NotSolved(
                    f"its targets have the shape {y.shape[1:]}, which is "
                    f"neither labels nor a teacher's of {units} classes"
                )
            return found
        if self.is_sparse:
            if y.size != count or not _are_classes(y, units):
                raise NotSolved(f"its targets are not classes below {units}")
            return np.eye(units, dtype="float32")[y.reshape(count).astype(int)]
        if y.size != count * units:
            raise NotSolved(
                f"its targets have the shape {y.shape[1:]} and it has {units} "
                "units"
            )
        found = np.asarray(y, "float32").reshape(count, units)
        # As Keras smooths: towards as much of each class, or of yes and no.
        even = 1 / units if self.kind == "softmax" else 0.5
        return found + self.smoothing * (even - found)

    @property
    def solved_as(self) -> str | TaughtLoss:
        """The `kind` of loss that `lbfgs.solve` takes."""
        return self.kind if self.taught is None else self.taught

    def weights(self, given: np.ndarray | None, count: int) -> np.ndarray:
        """Returns the weights of recorded rows as `(count,)`.

        Raises:
            NotSolved: if they are not one number a row, 0 or more.
        """
        if given is None:
            return np.ones(count, "float32")
        if self.loss.reduction == "mean_with_sample_weight":
            raise NotSolved("each batch is divided by its own sample weights")
        if given.size != count or not np.all(given >= 0):
            raise NotSolved("its sample weights are not one number >= 0 a row")
        if not np.any(given):
            raise NotSolved("the sample weights of all rows are 0")
        return np.asarray(given, "float32").reshape(count)


def _check_computed(loss):
    if loss.reduction not in _MEANS:
        raise NotSolved(f"its loss has `reduction={loss.reduction!r}`")
    if loss.dtype not in ("float32", "float64"):
        raise NotSolved(f"its loss is computed in {loss.dtype}")


def _known(function):
    for known, kind, is_sparse in _KNOWN:
        if function is known:
            return kind, is_sparse
    return None


def _check_settings(settings):
    for name, value in settings.items():
        if name not in _PLAIN or value not in _PLAIN[name]:
            raise NotSolved(f"its loss has `{name}={value!r}`")


def _checked_smoothing(value):
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise NotSolved(f"its loss has `label_smoothing={value!r}`")
    return float(value)


def _why_not_known(loss, parts):
    what = type(loss) if parts is None else parts[0]
    name = getattr(what, "__name__", type(what).__name__)
    is_of_keras = getattr(what, "__module__", "").startswith("keras.")
    if is_of_keras and not loss_objects.is_overridden(loss):
        known = ", ".join(each.__name__ for each, *_ in _KNOWN)
        return f"its loss is `{name}`, and none of {known}"
    return f"`{name}` is not a loss of Keras's own"


def _are_classes(y, units):
    return bool(np.all((y >= 0) & (y < units) & (y == np.floor(y))))


def by_output(model: keras.Model, given) -> list | None:
    """Puts losses, targets or weights in the order of a model's outputs.

    Args:
        model: a functional or built Sequential model.
        given: losses, targets or weights: a dict by the names of outputs, a
            list or tuple in their order, or one for all.

    Returns:
        List in the order of `model.outputs`, with `None` where nothing was
        given; or `None` if it cannot be told what belongs where.
    """
    count = len(model.outputs)
    if isinstance(given, dict):
        names = _names(model, given)
        return None if names is None else [given.get(name) for name in names]
    if isinstance(given, list | tuple):
        return list(given) if len(given) == count else None
    return [given] * count


def _names(model, given):
    """Returns the names that the outputs have in a dict, or None.

    That is the keys of a dict of outputs, or else the names of the layers
    that they come from. One output may go by any name.
    """
    if len(model.outputs) == 1:
        return tuple(given) if len(given) == 1 else None
    names = model.output_names
    if isinstance(model.output, dict):
        keys = {id(tensor): key for key, tensor in model.output.items()}
        names = [keys.get(id(tensor)) for tensor in model.outputs]
    is_clear = len(set(names)) == len(names)
    return names if is_clear and given.keys() <= set(names) else None
