"""What does each class count in a run?"""

import dataclasses

import numpy as np

from aet_keras import data
from aet_keras.data.balance import IMBALANCE_ADVICE
from aet_keras.recipes.written_down import WrittenDown

_MOST_NAMED = 4


def weights_of(recipe: WrittenDown, dataset: data.Dataset) -> np.ndarray | None:
    """Returns the weight of each class, or None where rows count the same.

    Validation rows get them, too: else the epoch is kept that does best on
    the largest class.
    """
    if recipe.class_weight is None:
        return None
    return data.class_weights(
        dataset.train.labels, len(dataset.specification.class_names)
    )


def rows_with_weights(
    inputs, labels: np.ndarray, weights: np.ndarray | None
) -> tuple:
    """Returns what `fit` takes: a pair, or a triple with sample weights."""
    if weights is None:
        return inputs, labels
    return inputs, labels, weights[labels]


def with_note(recipe: WrittenDown, dataset: data.Dataset) -> data.Dataset:
    """Notes what each class counts, where they do not count alike."""
    weights = weights_of(recipe, dataset)
    if weights is None:
        return dataset
    names = dataset.specification.class_names
    order = np.argsort(-weights, kind="stable")
    named = ", ".join(
        f"{weights[c]:.3g} of `{names[c]}`" for c in order[:_MOST_NAMED]
    )
    left = len(names) - _MOST_NAMED
    more = f" and {left} more" if left > 0 else ""
    note = (
        "`class_weight` is balanced: each class counts the same, a row with "
        f"the weight {named}{more}. Losses are those of weighted rows, and "
        "probabilities are those of classes of one size: higher for rare "
        "classes than they are in these rows."
    )
    notes = [each.removesuffix(IMBALANCE_ADVICE) for each in dataset.notes]
    return dataclasses.replace(dataset, notes=(*notes, note))
