"""Puts a model's test images under stress, where a recipe asks for it."""

import dataclasses

import keras
import numpy as np

from aet_keras import data, evaluation
from aet_keras._progress import report as say_progress
from aet_keras.data.image_augmentation import SEEN
from aet_keras.errors import DataError
from aet_keras.evaluation.robustness import measure_robustness
from aet_keras.training.attacks import measure_attacks
from aet_keras.training.objectives import rule_of

_MOST_IMAGES = 500  # of so many, an accuracy is known to 4 points
_MOST_ATTACKED = 200  # to 7 points; each takes up to 33 gradients


def check(recipe: object, dataset: data.Dataset) -> None:
    """Raises a `DataError` if stress is asked for and cannot be measured."""
    kind = dataset.specification.target_kind
    if getattr(recipe, "stress", False) and kind != "classes":
        raise DataError(
            "stress: images must have one class each, because it is accuracy "
            f"that is measured. Received: a target of the kind {kind}. Leave "
            "`--stress` out."
        )


def with_stress(
    report: evaluation.Report,
    recipe: object,
    model: keras.Model,
    dataset: data.Dataset,
) -> evaluation.Report:
    """Returns a report with the accuracy on corrupted and attacked images.

    Up to 500 test images are corrupted, and the first 200 of them attacked.
    Without adversarial-robustness-toolbox a note says what was not tried.

    Args:
        report: `Report` of the run.
        recipe: of the run; only that of images has `stress`.
        model: the trained `keras.Model`.
        dataset: `data.Dataset`.
    """
    if not getattr(recipe, "stress", False):
        return report
    say_progress("measuring the model on corrupted images")
    random = np.random.default_rng(getattr(recipe, "seed", 0))
    rows = random.permutation(dataset.test.count)[:_MOST_IMAGES]
    images = np.stack([dataset.test.inputs[row] for row in rows])
    labels = dataset.test.labels[rows]
    rule = rule_of(dataset.specification)
    found = measure_robustness(model, images, labels, rule=rule)
    seen = SEEN[getattr(recipe, "augment", "none")]
    found = dataclasses.replace(found, seen=seen)
    report = dataclasses.replace(report, stress=found)
    say_progress("attacking the model")
    few = slice(_MOST_ATTACKED)
    try:
        attacks = measure_attacks(model, images[few], labels[few], rule=rule)
    except ImportError as error:
        note = f"Images that are made to deceive it were not tried: {error}"
        return dataclasses.replace(report, notes=(*report.notes, note))
    found = dataclasses.replace(found, attacks=attacks)
    return dataclasses.replace(report, stress=found)
