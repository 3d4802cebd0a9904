"""Holds weights near their pretrained values in the user's own `fit`."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras import _log_keys as log_keys
from aet_keras._keras import likelihood, progress_bar, trainable, workers
from aet_keras._keras.penalties import Penalties, lift_all
from aet_keras.callbacks._pretrained import check_one_way, pretrained_groups
from aet_keras.engine import Engine
from aet_keras.regularizers import AnchorPenalty


class ElasticAnchor(keras.callbacks.Callback):
    """Pulls a pretrained model back to where it was while it trains.

    When `fit` begins, every weight of the backbone is anchored at its value:
    strength / 2 * sum of (w - anchor)^2 is added to the training loss, and
    head_strength / 2 * sum of w^2 for the kernels of the head. A head that
    knows the old task too is held as well with `head_strength=None`. With
    `fisher_data` each square is weighed by how much the value matters to the
    old data, so that what they need is held and the rest may move.

    Penalties that the model has already stay. Works with `ElasticFreezing` in
    either order: weights that are frozen stand, and are anchored when they
    thaw. `val_loss` stays free of the penalty, so that what judges by it sees
    the data only. After `fit` nothing of it is left in the model; after one
    that was interrupted, call `release()`.

    Args:
        strength: float >= 0. How firmly the backbone is held; of the order
            of 0.001 to 1. With `fisher_data`, old examples / new ones weighs
            one of each alike, and more holds firmer. Defaults to `0.01`.
        head_strength: float >= 0, or None. How firmly the kernels of a new
            head are pulled to zero; None holds the head like the backbone.
            Defaults to `0.01`.
        groups: as of `ElasticFreezing`: the pretrained groups.
        backbone: as of `ElasticFreezing`: the nested model that is
            pretrained. Found by itself if neither is given.
        fisher_data: optional examples of the old task, `(x, y)` or a data
            set of batches, for which the model and its loss are right when
            `fit` begins. Asks for `head_strength=None`.
        fisher_count: int >= 1. At most so many of these examples are looked
            at. Defaults to `256`.

    Logs:
        `elastic_anchor/penalty`: what is added to the training loss, at the
            end of the epoch.
        `elastic_anchor/distance`: Euclidean distance of all that is held from
            its anchor. The progress bar leaves both out.

    Raises:
        TypeError: if an argument is of another kind.
        ValueError: if an argument is out of its range, or at the start of
            `fit`, if no backbone is found.

    Cost: one copy of the weights in memory, two with `fisher_data`; for that
        also one step of one row for each example.

    Example:

    >>> backbone = keras.Sequential([keras.layers.Dense(4)], name="old")
    >>> model = keras.Sequential(
    ...     [keras.Input((3,)), backbone, keras.layers.Dense(1)]
    ... )
    >>> model.compile(keras.optimizers.SGD(1e-3), "mse")
    >>> anchor = aet_keras.callbacks.ElasticAnchor(0.1, backbone="old")
    >>> x = np.ones((8, 3)), np.ones((8, 1))
    >>> history = model.fit(*x, epochs=2, verbose=0, callbacks=[anchor])
    >>> sorted(key for key in history.history if "/" in key)
    ['elastic_anchor/distance', 'elastic_anchor/penalty']

    Reference:
        [Li et al., 2018](https://arxiv.org/abs/1802.01483), L2-SP. Differs:
        biases of the head are left alone. With `fisher_data`
        [Kirkpatrick et al., 2017](https://arxiv.org/abs/1612.00796), EWC,
        with the empirical Fisher information: the labels of the data, not
        ones drawn from the model.
    """

    def __init__(
        self,
        strength: float = 0.01,
        *,
        head_strength: float | None = 0.01,
        groups: Sequence | None = None,
        backbone: keras.layers.Layer | str | None = None,
        fisher_data: Any = None,
        fisher_count: int = 256,
    ):
        super().__init__()
        workers.mend_if_needed()
        self.strength = check.number(self, least=0, strength=strength)
        self.head_strength = head_strength
        if head_strength is not None:
            check.number(self, least=0, head_strength=head_strength)
        check_one_way(self, groups, backbone)
        self.groups = groups
        self.backbone = backbone
        self.fisher_data = fisher_data
        self.fisher_count = check.positive_int(self, fisher_count=fisher_count)
        self._check_head()
        self._held: list[Any] = []
        self._penalties = Penalties()

    def on_train_begin(self, logs=None):
        layers = trainable.sublayers(self.model)
        lift_all(_own_weights(layers))
        held, decayed = self._split(layers)
        self._held = _anchored(held, self.strength, self._fishers(held))
        decay = keras.regularizers.L2((self.head_strength or 0.0) / 2)
        self._penalties = Penalties(
            [*self._held, *((weight, decay) for weight in decayed)]
        )
        Engine.of(self.model).attach(self)
        if self.head_strength is None:
            Engine.of(self.model).hold_head()
        # An earlier `fit` or `train_on_batch` may have traced it without.
        Engine.of(self.model).rebuild()
        progress_bar.leave_out(self.model, log_keys.ALL)

    def on_train_batch_begin(self, batch, logs=None):
        # Not sooner and not longer: a test function that is traced while the
        # penalties are on would have them for good.
        self._penalties.place()

    def on_test_begin(self, logs=None):
        self._penalties.lift()

    def on_epoch_end(self, epoch, logs=None):
        self._penalties.lift()
        logs = {} if logs is None else logs
        logs[log_keys.ANCHOR_PENALTY] = self._penalties.value()
        logs[log_keys.ANCHOR_DISTANCE] = _distance(self._held)

    def on_train_end(self, logs=None):
        self.release()

    get_state, set_state = check.NO_STATE  # each run anchors anew

    def release(self) -> None:
        """Takes the penalties off the model, and forgets the anchors.

        The end of `fit` does it; a `fit` that was interrupted has none.
        """
        self._penalties.lift()
        self._held, self._penalties = [], Penalties()
        Engine.of(self.model).detach(self)

    def _check_head(self):
        if self.head_strength is None and self._names_groups():
            raise ValueError(
                "ElasticAnchor: `groups` and `backbone` tell the backbone "
                "from the head, and head_strength=None holds both. Drop them."
            )
        if self.head_strength is not None and self.fisher_data is not None:
            raise ValueError(
                "ElasticAnchor: `head_strength` must be None with "
                "`fisher_data`, because old data say nothing through a head "
                "that is new. Received: "
                f"head_strength={self.head_strength!r}. Pass "
                "`head_strength=None` to hold the head too."
            )

    def _names_groups(self):
        return self.groups is not None or self.backbone is not None

    def _split(self, layers):
        """Returns the weights to hold, and those to pull to zero."""
        weights = _own_weights(layers)
        if self.head_strength is None:
            return weights, []
        groups = pretrained_groups(
            self, self.model, groups=self.groups, backbone=self.backbone
        )
        inside = {
            id(weight)
            for group in groups
            for layer in group.layers
            if isinstance(layer, keras.layers.Layer)
            for weight in _own_weights(trainable.sublayers(layer))
        }
        held = [weight for weight in weights if id(weight) in inside]
        head = [weight for weight in weights if id(weight) not in inside]
        return held, [weight for weight in head if len(weight.shape) > 1]

    def _fishers(self, held):
        if self.fisher_data is None:
            return [None] * len(held)
        return likelihood.fisher_diagonals(
            self.model, held, self.fisher_data, self.fisher_count
        )


def _own_weights(layers):
    """Lists each weight once that layers would train, frozen or not."""
    weights = {
        id(weight): weight
        for layer in layers
        for weight in trainable.own_weights(layer)
    }
    return list(weights.values())


def _anchored(weights, strength, fishers):
    pairs = []
    for weight, fisher in zip(weights, fishers, strict=True):
        penalty = AnchorPenalty(strength)
        penalty.hold(weight, fisher=fisher)
        pairs.append((weight, penalty))
    return pairs


def _distance(held):
    squares = (
        np.square(np.asarray(w.numpy(), "float64") - penalty.anchor.numpy())
        for w, penalty in held
    )
    return float(np.sqrt(sum(square.sum() for square in squares)))
