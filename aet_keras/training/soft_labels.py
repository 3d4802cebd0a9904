"""Labels rows by a head that learns from its own answers, and judges that."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from scipy import sparse, special

from aet_keras._optional import optional
from aet_keras.replay import lbfgs

# Chosen on CIFAR-10 and sign digits with MobileNetV2, by
# `tests/benchmarks/unlabelled.py`.
_ROUNDS = 3
_TEMPERATURE = 0.5  # below 1: each answer is made surer
_MASS = 1.0  # of all rows without labels, where all labelled ones have 1
_PRIOR_SHARE = 0.5  # of the labels, in how frequent each class is taken to be
_BALANCING_STEPS = 20
_NEIGHBOURS = 10
_NEIGHBOUR_SHARE = 0.5  # of a row's neighbours, in what it seems to be
_SPREADING_STEPS = 15  # what is left is 0.5^15
_STRENGTHS = (3.0, 1.0, *lbfgs.STRENGTHS)  # strong ones suit a few labels
ERRORS = 0.5  # standard errors that a gain must be above 0
_LEAST = 1e-12


@dataclasses.dataclass(frozen=True, eq=False)
class SoftLabels:
    """Holds what rows without labels seem to be, and what that is worth.

    Args:
        probabilities: float array `(rows, classes)`.
        weight: float > 0. Of each such row, beside the labelled ones.
        before: float. Validation loss of the head that labels alone taught.
        after: float. The same with rows without labels.
        error: float. The standard error of the difference.
        first: `lbfgs.Solution`. The head that labels alone taught: solved, or
            the model's own, which of the two is better.
        last: `lbfgs.Solution`. The head that both teach.
        own: optional float. Validation loss of the head that the model has.

    Example: see `label_softly`.
    """

    probabilities: np.ndarray
    weight: float
    first: lbfgs.Solution
    last: lbfgs.Solution
    before: float
    after: float
    error: float
    own: float | None = None

    @property
    def is_better(self) -> bool:
        """Whether the gain is more than chance may bring."""
        return self.before - self.after > ERRORS * self.error


def label_softly(
    train: lbfgs.Rows,
    validation: lbfgs.Rows,
    more: np.ndarray,
    own: tuple[np.ndarray, np.ndarray] | None = None,
) -> SoftLabels:
    """Labels rows by what a head says of them, round after round.

    The head is solved on the labels. Its answers about the other rows are
    mixed with those about their nearest neighbours (`_spread`) and made
    surer; on both the head is solved again. That is done a second time with
    answers so balanced that each class is as frequent as in the mean of labels
    and answers, which helps where the rows without labels have the classes of
    the labels, and harms elsewhere: the validation rows say which is kept.

    Args:
        train: `lbfgs.Rows` to learn from, with one-hot targets.
        validation: the same, to choose the L2 strength and to judge by.
        more: float array `(rows, width)`. Features of rows without labels.
        own: optional tuple of kernel `(width, classes)` and bias `(classes,)`
            of the head that the features come with.

    Returns:
        `SoftLabels`, also where they are no better.

    Example:

    >>> from aet_keras.training.soft_labels import label_softly
    >>> x = np.array([[0.0, 1.0], [1.0, 0.0]] * 10) + np.eye(20, 2)
    >>> y = np.eye(2)[[0, 1] * 10]
    >>> rows = aet_keras.replay.lbfgs.Rows(x, y, np.ones(20))
    >>> label_softly(rows, rows, x[2:6]).probabilities.argmax(axis=1)
    array([0, 1, 0, 1])

    Reference:
        [Lee, 2013](https://www.kaggle.com/blobs/download/forum-message-attachment-files/746/pseudo_label_final.pdf).
        Differs: soft labels, spread as in
        [Zhou et al., 2003](https://papers.nips.cc/paper/2506) and balanced as
        in [Asano et al., 2020](https://arxiv.org/abs/1911.05371).
    """
    first, own_loss = _solved(train, validation, _STRENGTHS), None
    if own is not None:
        loss = lbfgs.mean_loss(*own, validation, kind="softmax")
        mine = lbfgs.Solution(*own, loss, first.strength)
        own_loss = float(row_losses(*own, validation).mean())
        if loss < first.loss:
            first = mine
    weight = _MASS * train.weights.sum() / len(more)
    graph = _neighbour_graph(np.concatenate([train.features, more]))
    tried = [
        _learned(train, validation, more, first, graph, is_balanced=is_balanced)
        for is_balanced in (False, True)
    ]
    found, last = min(tried, key=lambda pair: pair[1].loss)
    before, after = (
        row_losses(head.kernel, head.bias, validation) for head in (first, last)
    )
    gains = before - after
    return SoftLabels(
        probabilities=found.astype("float32"),
        weight=float(weight),
        first=first,
        last=last,
        before=float(before.mean()),
        after=float(after.mean()),
        error=float(gains.std(ddof=1) / np.sqrt(len(gains))),
        own=own_loss,
    )


def _learned(train, held, more, head, graph, *, is_balanced):
    """Returns what rows seem to be after some rounds, and the head then."""
    features = np.concatenate([train.features, more])
    weight = _MASS * train.weights.sum() / len(more)
    weights = np.append(train.weights, np.full(len(more), weight))
    weights = (weights / weights.mean()).astype("float32")
    frequencies = train.weights @ train.targets / train.weights.sum()
    found = np.empty(0)
    for final in (False,) * (_ROUNDS - 1) + (True,):
        answers = np.concatenate(
            [train.targets, _answers(head.kernel, head.bias, more)]
        )
        answers = _spread(answers, graph)[len(train.targets) :]
        found = answers ** (1 / _TEMPERATURE)
        found /= found.sum(axis=1, keepdims=True)
        if is_balanced:
            mean = answers.mean(axis=0)
            wanted = _PRIOR_SHARE * frequencies + (1 - _PRIOR_SHARE) * mean
            found = _balanced(found, wanted)
        targets = np.concatenate([train.targets, found]).astype("float32")
        both = lbfgs.Rows(features, targets, weights)
        strengths = _STRENGTHS if final else (head.strength,)
        head = _solved(both, held, strengths)
    return found, head


def _solved(rows, held, strengths):
    """Returns the head that is best on validation rows."""
    return lbfgs.solve(rows, held, kind="softmax", strengths=strengths)


def _answers(kernel, bias, features):
    scores = features @ kernel + bias
    return special.softmax(scores.astype("float64"), axis=1)


def _neighbour_graph(features):
    """Returns how alike rows are, with nearest neighbours alone.

    Rows are alike by the cosine of their features, the mean taken off, to the
    power of 3, so that near ones count most. What is returned is the
    normalised graph of Zhou et al., D^-1/2 W D^-1/2.
    """
    neighbors = optional("sklearn.neighbors", extra="training")
    rows = features - features.mean(axis=0)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), _LEAST)
    count = min(_NEIGHBOURS, len(rows) - 1)
    found = neighbors.NearestNeighbors(n_neighbors=count).fit(rows)
    weights = found.kneighbors_graph(mode="distance")
    weights.data = np.maximum(1 - 0.5 * weights.data**2, 0) ** 3
    weights = weights + weights.T
    scale = np.asarray(weights.sum(axis=1)).ravel()
    scale = sparse.diags_array(np.maximum(scale, _LEAST) ** -0.5)
    return scale @ weights @ scale


def _spread(answers, graph):
    """Returns answers, each mixed with those of the row's neighbours.

    F = s S F + (1 - s) Y, with Y the answers and S the graph, in steps.
    """
    share, found = _NEIGHBOUR_SHARE, answers
    for _ in range(_SPREADING_STEPS):
        found = share * (graph @ found) + (1 - share) * answers
    return found / found.sum(axis=1, keepdims=True)


def _balanced(found, wanted):
    """Returns probabilities of which each class has a share that is wanted.

    Sinkhorn's steps: columns, then rows.
    """
    for _ in range(_BALANCING_STEPS):
        found = found * (wanted / np.maximum(found.mean(axis=0), _LEAST))
        found /= np.maximum(found.sum(axis=1, keepdims=True), _LEAST)
    return found


def class_factors(
    targets: np.ndarray, class_weight: Mapping[int, float]
) -> np.ndarray:
    """Returns the weight of each row's class, floats `(rows,)`.

    Args:
        targets: float array `(rows, classes)`, one-hot.
        class_weight: dict from class to float, as of `fit`; a class that is
            not in it has 1.
    """
    classes = targets.argmax(axis=1)
    return np.array([class_weight.get(i, 1.0) for i in classes], "float32")


def row_losses(
    kernel: np.ndarray, bias: np.ndarray, rows: lbfgs.Rows
) -> np.ndarray:
    """Returns the weighted cross-entropy of each row, floats `(rows,)`."""
    found = np.maximum(_answers(kernel, bias, rows.features), _LEAST)
    return -rows.weights * (rows.targets * np.log(found)).sum(axis=1)
