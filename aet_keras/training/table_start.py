"""Gives a table's network its start: a linear path that is solved."""

import warnings

import keras
import numpy as np
from scipy import sparse

from aet_keras._optional import needing, optional
from aet_keras.drift.heads import one_thread
from aet_keras.training.interpolation import least_share
from aet_keras.training.table_encoding import Rows, say

_STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_FOLDS = 5
_NARROW = 300  # columns
_MOST_TUNED = 20_000  # rows that choose a penalty
_MOST_FILLED = 0.25  # of the cells; below, sparse rows take less time
_SHARES = (0.25, 0.5, 0.75)
_LEAST = 1e-7


def solve_linear_path(
    network: keras.Model,
    rows: Rows,
    labels: np.ndarray,
    *,
    seed: int,
    class_weights: np.ndarray | None = None,
    soft: np.ndarray | None = None,
) -> float:
    """Gives the linear path the weights of a tuned logistic regression.

    Args:
        network: the layer `network` of a table classifier.
        rows: float array or sparse array `(count, columns)`, encoded.
        labels: int array `(count,)`, each class at least once.
        seed: int >= 0. Of the folds that the penalty is tuned on.
        class_weights: optional float array `(classes,)`. What a row of each
            class counts.
        soft: optional float array `(count, classes)`. Shares that are learned
            in the labels' place; the penalty is tuned on labels.

    Returns:
        float. The C of scikit-learn's `LogisticRegression`, which is chosen
        by the log loss in up to 5 folds. Of more than 20,000 rows so many are
        drawn for that, each class in its share; C does not depend on how many
        rows there are, as it is the variance that weights have before.
    """
    regression = _tuned(rows, labels, seed, class_weights, soft=soft)
    network.get_layer("linear").set_weights(_weights(regression))
    return regression.C


def tag_regressions(
    rows: Rows,
    labels: np.ndarray,
    *,
    seed: int,
    class_weight: str | None,
    soft: np.ndarray | None = None,
) -> list:
    """Fits a tuned logistic regression of each tag.

    Args:
        rows: float array or sparse array `(count, columns)`.
        labels: 0 or 1, `(count, tags)`, both of each tag.
        seed: int >= 0. Of the folds that the penalties are tuned on.
        class_weight: optional `"balanced"`. Rows that have a tag count as
            much as all that have it not.
        soft: optional float array `(count, tags)`. Probabilities that are
            learned in the labels' place; penalties are tuned on labels.

    Returns:
        List of scikit-learn's `LogisticRegression`.
    """
    # Of two classes and few columns, Newton's steps take a fifth of the time.
    is_narrow = rows.shape[1] <= _NARROW
    solver = "newton-cholesky" if is_narrow else "lbfgs"
    found = []
    for place, tag in enumerate(np.asarray(labels).T.astype(int)):
        weights = shares = None
        if class_weight is not None:
            weights = 0.5 / np.array([1 - tag.mean(), tag.mean()])
        if soft is not None:
            shares = np.stack([1 - soft[:, place], soft[:, place]], axis=1)
        found.append(_tuned(rows, tag, seed, weights, solver, shares))
    return found


def solve_tags(
    network: keras.Model,
    rows: Rows,
    labels: np.ndarray,
    *,
    seed: int,
    class_weight: str | None = None,
    soft: np.ndarray | None = None,
) -> None:
    """Gives the linear path of tags the weights of `tag_regressions`.

    Args:
        network: the layer `network` of a table model of tags.
        rows: float array or sparse array `(count, columns)`, encoded.
        labels: as of `tag_regressions`.
        seed: as of `tag_regressions`.
        class_weight: as of `tag_regressions`. Defaults to none.
        soft: as of `tag_regressions`. Defaults to none.
    """
    found = tag_regressions(
        rows, labels, seed=seed, class_weight=class_weight, soft=soft
    )
    kernel = np.concatenate([each.coef_.T for each in found], axis=1)
    bias = np.concatenate([each.intercept_ for each in found])
    network.get_layer("linear").set_weights([kernel, bias])


def mix_linear_path(
    network: keras.Model,
    rows: Rows,
    labels: np.ndarray,
    *,
    seed: int,
    class_weights: np.ndarray | None = None,
) -> float:
    """Draws an earlier network towards a logistic regression on new rows.

    logits = (1 - share) * those of the network + share * those of the
    regression, tuned on the new rows alone. Both paths of the network are
    sums, so the mixture is a network of the same kind.

    Args:
        network: the layer `network` of a table classifier that was trained.
        rows: float array or sparse array `(count, columns)`, encoded.
        labels: int array `(count,)`, each class at least once.
        seed: int >= 0. Of the folds.
        class_weights: optional float array `(classes,)`, as above.

    Returns:
        float. The share: a quarter, a half or three quarters. The smallest
        one whose log loss, on rows that the regression was not fitted to, is
        within one standard error of the best.

    Reference:
        [Wortsman et al., 2022](https://arxiv.org/abs/2109.01903), WiSE-FT.
        Differs: what is mixed with is solved on the new rows, from nothing.
    """
    regression = _tuned(rows, labels, seed, class_weights)
    probabilities = say(network, rows)
    share = _share(probabilities, regression, rows, labels, seed)
    linear, change = network.get_layer("linear"), network.get_layer("change")
    pairs = zip(linear.get_weights(), _weights(regression), strict=True)
    linear.set_weights([(1 - share) * a + share * b for a, b in pairs])
    change.set_weights([(1 - share) * change.get_weights()[0]])
    return share


def mix_tags(
    network: keras.Model,
    rows: Rows,
    labels: np.ndarray,
    *,
    seed: int,
    class_weight: str | None = None,
) -> list[float]:
    """Draws each tag of an earlier network towards a regression of its own.

    As `mix_linear_path` does, with a share for each tag.

    Args:
        network: the layer `network` of a table model of tags.
        rows: float array or sparse array `(count, columns)`, encoded.
        labels: 0 or 1, `(count, tags)`.
        seed: int >= 0. Of the folds.
        class_weight: as of `tag_regressions`.

    Returns:
        List of floats, the shares: 0 where fewer than two rows have a tag, or
        have it not, of which nothing can be learned.
    """
    said = say(network, rows)
    linear, change = network.get_layer("linear"), network.get_layer("change")
    (kernel, bias), (other,) = linear.get_weights(), change.get_weights()
    shares = []
    for tag, own in enumerate(np.asarray(labels).T.astype(int)):
        if np.bincount(own, minlength=2).min() < 2:
            shares.append(0.0)
            continue
        (regression,) = tag_regressions(
            rows, own[:, None], seed=seed, class_weight=class_weight
        )
        both = np.stack([1 - said[:, tag], said[:, tag]], axis=1)
        share = _share(both, regression, rows, own, seed)
        new, least = regression.coef_[0], regression.intercept_[0]
        kernel[:, tag] = (1 - share) * kernel[:, tag] + share * new
        bias[tag] = (1 - share) * bias[tag] + share * least
        other[:, tag] *= 1 - share
        shares.append(share)
    linear.set_weights([kernel, bias])
    change.set_weights([other])
    return shares


def _share(probabilities, regression, rows, labels, seed):
    row_weights = _row_weights(regression.class_weight, labels)
    folds = _folds(labels, seed)
    if folds is None:
        return 0.5
    probabilities = np.clip(probabilities, _LEAST, 1)
    old, new = np.log(probabilities), np.zeros_like(probabilities)
    for fit, held in folds.split(rows, labels):
        kernel, bias = _weights(_fit(regression, rows[fit], labels[fit]))
        new[held] = rows[held] @ kernel + bias

    def losses(share):
        logits = (1 - share) * old + share * new
        logits -= logits.max(axis=1, keepdims=True)
        true = logits[np.arange(len(labels)), labels]
        return (np.log(np.exp(logits).sum(axis=1)) - true) * row_weights

    return least_share({share: losses(share) for share in _SHARES})


def _tuned(rows, labels, seed, class_weights, solver="lbfgs", soft=None):
    with needing("training"):
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GridSearchCV

    if class_weights is not None:
        class_weights = dict(enumerate(class_weights.tolist()))
    regression = LogisticRegression(
        max_iter=1000, class_weight=class_weights, solver=solver
    )
    if solver == "lbfgs" and not sparse.issparse(rows):
        if np.count_nonzero(rows) < _MOST_FILLED * rows.size:
            rows = sparse.csr_array(rows)
    judged = _judged(labels, seed)
    folds = _folds(labels[judged], seed)
    if soft is not None:
        return _tuned_softly(regression, rows, labels, soft, judged, folds)
    if folds is None:
        return _fit(regression, rows, labels)
    search = GridSearchCV(
        regression,
        {"C": _STRENGTHS},
        scoring=_score,
        cv=folds,
        refit=len(judged) == len(labels),
    )
    found = _fit(search, rows[judged], labels[judged])
    if search.refit:
        return found.best_estimator_
    return _fit(regression.set_params(**found.best_params_), rows, labels)


def _judged(labels, seed):
    """Returns the numbers of the rows that choose a penalty, in order."""
    share = _MOST_TUNED / len(labels)
    if share >= 1:
        return np.arange(len(labels))
    order = np.random.default_rng(seed).permutation(len(labels))
    drawn = []
    for label in np.unique(labels):
        own = order[labels[order] == label]
        drawn.append(own[: max(_FOLDS, round(share * len(own)))])
    return np.sort(np.concatenate(drawn))


def _tuned_softly(regression, rows, labels, soft, judged, folds):
    """Fits shares of classes: each row once a class, with its share."""
    shares = soft * _row_weights(regression.class_weight, labels)[:, None]
    classes = np.arange(soft.shape[1])

    def fitted(strength, numbers):
        made = type(regression)(
            C=strength, max_iter=regression.max_iter, solver=regression.solver
        )
        return _fit(
            made,
            rows[np.repeat(numbers, len(classes))],
            np.tile(classes, len(numbers)),
            sample_weight=shares[numbers].ravel(),
        )

    def score(strength):
        found = []
        for fit, held in folds.split(judged, labels[judged]):
            made = fitted(strength, judged[fit])
            made.class_weight = regression.class_weight  # of what is held out
            held = judged[held]
            found.append(_score(made, rows[held], labels[held]))
        return np.mean(found)

    best = regression.C if folds is None else max(_STRENGTHS, key=score)
    return fitted(best, np.arange(len(labels)))


def _score(regression, rows, labels):
    """Returns the log likelihood of rows, weighted as they are fitted."""
    log_loss = optional("sklearn.metrics", extra="training").log_loss

    return -log_loss(
        labels,
        regression.predict_proba(rows),
        labels=regression.classes_,
        sample_weight=_row_weights(regression.class_weight, labels),
    )


def _row_weights(class_weight, labels):
    if class_weight is None:
        return np.ones(len(labels))
    return np.array([class_weight[int(label)] for label in labels])


def _fit(estimator, rows, labels, **settings):
    with needing("training"):
        from sklearn.base import clone
        from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(), one_thread():
        # Threads of BLAS and those of scikit-learn wait for each other: of
        # several classes a fit takes up to ten times as long with both.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return clone(estimator).fit(rows, labels, **settings)


def _folds(labels, seed):
    """Returns how to cut the rows, or None where they are too few."""
    with needing("training"):
        from sklearn.model_selection import StratifiedKFold

    count = min(_FOLDS, int(np.bincount(labels).min()))
    if count < 2:
        return None
    return StratifiedKFold(count, shuffle=True, random_state=seed)


def _weights(regression):
    """Returns kernel and bias with one column a class."""
    if len(regression.classes_) > 2:
        return [regression.coef_.T, regression.intercept_]
    # One row says how the second of two classes differs from the first.
    kernel = np.pad(regression.coef_, ((1, 0), (0, 0))).T
    return [kernel, np.pad(regression.intercept_, (1, 0))]
