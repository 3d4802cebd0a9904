"""Where does the linear path of a table's network start?"""

import warnings

import keras
import numpy as np

_STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_FOLDS = 5
_FREE = (
    10.0  # what an old log-odds is multiplied by, so that no penalty holds it
)
_LEAST = 1e-7


def solve_linear_path(
    network: keras.Model,
    rows: np.ndarray,
    labels: np.ndarray,
    *,
    seed: int,
    goes_on: bool = False,
) -> float:
    """Gives the linear path the weights of a tuned logistic regression.

    With `goes_on`, the regression is on what the network says already and on
    the rows: near what it knew, and farther only where the rows ask for it.

    Args:
        network: the layer `network` of a table classifier.
        rows: float array `(count, columns)`, encoded.
        labels: int array `(count,)`.
        seed: int >= 0. Of the folds that the penalty is tuned on.
        goes_on: bool. Whether the network is an earlier, trained one.

    Returns:
        float. The C of scikit-learn's `LogisticRegression`, which is chosen
        by the log loss in up to 5 folds.
    """
    inputs = rows
    if goes_on:
        inputs = np.concatenate([_FREE * _odds(network, rows), rows], axis=1)
    regression = _tuned(inputs, labels, seed)
    class_count = network.output_shape[-1]
    weights, bias = _columns(regression, class_count)
    linear = network.get_layer("linear")
    if not goes_on:
        linear.set_weights([weights, bias])
        return regression.C
    # The old logits pass through `mixed`; both paths are sums, so each takes
    # it up by itself.
    old_count = inputs.shape[1] - rows.shape[1]
    mixed = _against_first(class_count) @ (_FREE * weights[:old_count])
    kernel, old_bias = linear.get_weights()
    linear.set_weights(
        [kernel @ mixed + weights[old_count:], old_bias @ mixed + bias]
    )
    change = network.get_layer("change")
    change.set_weights([change.get_weights()[0] @ mixed])
    return regression.C


def _odds(network, rows):
    """Returns the log-odds of each class against the first one."""
    said = np.asarray(network(rows, training=False))
    said = np.log(np.clip(said, _LEAST, 1))
    return said @ _against_first(said.shape[1])  # (count, classes - 1)


def _against_first(class_count):
    return np.eye(class_count)[:, 1:] - np.eye(class_count)[:, :1]


def _tuned(inputs, labels, seed):
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    folds = min(_FOLDS, int(np.bincount(labels)[np.unique(labels)].min()))
    regression = LogisticRegression(max_iter=1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if folds < 2:  # too few rows to tune on
            return regression.fit(inputs, labels)
        search = GridSearchCV(
            regression,
            {"C": _STRENGTHS},
            scoring="neg_log_loss",
            cv=StratifiedKFold(folds, shuffle=True, random_state=seed),
        )
        return search.fit(inputs, labels).best_estimator_


def _columns(regression, class_count):
    """Returns weights and bias with one column a class."""
    weights = np.zeros((regression.coef_.shape[1], class_count))
    bias = np.full(class_count, 0.0)
    if class_count == 2:
        weights[:, 1], bias[1] = regression.coef_[0], regression.intercept_[0]
        return weights, bias
    seen = regression.classes_
    weights[:, seen] = regression.coef_.T
    bias[:] = regression.intercept_.min() - 10.0  # of classes never seen
    bias[seen] = regression.intercept_
    return weights, bias
