"""How much of its accuracy does a model keep on images made to deceive it?"""

import warnings
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from aet_keras._optional import needing
from aet_keras.evaluation.answer_rule import LIKELIEST, AnswerRule
from aet_keras.evaluation.robustness import Attacks, Stressed

SIZES = (1, 2, 4)  # of 255
STEPS = 10
_REACH = 2.5  # so many sizes could be walked: a row can come back
_BATCH = 32
_TINY = 1e-30


def measure_attacks(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    rule: AnswerRule = LIKELIEST,
) -> Attacks:
    """Measures a classifier on images that are changed to deceive it.

    FGSM adds `size * sign(gradient)` to an image, with the gradient of the
    loss by the pixels; PGD takes ten smaller steps, each put back within
    `size` of the image. Both come from adversarial-robustness-toolbox, know
    the whole model (what it does to pixels first included), and stay within
    0 and 255. An image that one size deceives is deceived by larger ones, and
    one that is called wrongly as it is counts as deceived. PGD begins at the
    image itself, so that nothing is drawn. The accuracy that is left is an
    upper bound: better attacks may exist.

    Args:
        model: gives softmax probabilities for pixels from 0 to 255.
        images: array `(count, height, width, 3)`.
        labels: ints `(count,)`.
        rule: `AnswerRule`, which class is answered. Defaults to the
            likeliest.

    Raises:
        ImportError: without adversarial-robustness-toolbox.

    Cost: at most 33 gradients by the pixels an image.

    Reference:
        [Goodfellow et al., 2015](https://arxiv.org/abs/1412.6572);
        [Madry et al., 2018](https://arxiv.org/abs/1706.06083).
        Differs: PGD begins at the image, and not beside it.
    """
    attacks = _toolbox()
    pixels, labels = np.asarray(images, "float32"), np.asarray(labels)
    seen = _classifier(model, pixels.shape[1:])

    def is_right(changed, truth):
        said = model.predict(changed, batch_size=128, verbose=0)
        return rule.answers(said) == truth

    clean = is_right(pixels, labels)
    rows = []
    for name, make in attacks.items():
        standing, left = clean.copy(), []
        for size in SIZES:
            still = np.flatnonzero(standing)
            if len(still):
                truth = labels[still]
                changed = make(seen, size).generate(pixels[still], truth)
                standing[still] = is_right(changed, truth)
            left.append(float(standing.mean()))
        rows.append(Stressed(name, tuple(left)))
    return Attacks(float(clean.mean()), tuple(rows), len(labels))


def _toolbox() -> dict[str, Any]:
    """Returns the attacks by name: functions of a classifier and a size."""
    with needing("robustness"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PyTorch, which is not there
        from art.attacks import evasion

    def fast(classifier, size):
        return evasion.FastGradientMethod(
            classifier, eps=float(size), batch_size=_BATCH
        )

    def projected(classifier, size):
        return evasion.ProjectedGradientDescent(
            classifier,
            eps=float(size),
            eps_step=_REACH * size / STEPS,
            max_iter=STEPS,
            batch_size=_BATCH,
            verbose=False,
        )

    return {"FGSM": fast, "PGD": projected}


def _classifier(model, shape):
    """Returns the model as the toolbox wants it, pixels first to last."""
    from art.estimators.classification import TensorFlowV2Classifier

    signature = [tf.TensorSpec((None, *shape), tf.float32)]
    # Without a graph a gradient takes 40 times as long.
    call = tf.function(
        lambda pixels: tf.cast(model(pixels, training=False), tf.float32),
        input_signature=signature,
    )
    return TensorFlowV2Classifier(
        model=lambda pixels, training=False: call(pixels),
        nb_classes=model.output_shape[-1],
        input_shape=tuple(shape),
        loss_object=_loss,
        clip_values=(0.0, 255.0),
    )


def _loss(truth, probabilities):
    """Returns the sum of cross-entropies, with a gradient that is not 0.

    Where a model is sure, the right class has the probability 1 to float32,
    and its gradient is lost, or cut off by Keras: an attack would stand still.
    What the other classes have is still exact.
    """
    truth = tf.cast(truth, tf.float32)
    right = tf.reduce_sum(truth * probabilities, axis=-1)
    wrong = tf.reduce_sum((1 - truth) * probabilities, axis=-1)
    logarithms = tf.where(
        right > 0.5,
        tf.math.log1p(-tf.minimum(wrong, 0.5)),
        tf.math.log(tf.maximum(right, _TINY)),
    )
    return -tf.reduce_sum(logarithms)
