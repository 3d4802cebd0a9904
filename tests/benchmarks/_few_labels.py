"""What do views of rows without labels teach a tuned network?

The network is tuned on the labels first. Its lower part stays as it is then:
what that makes of weak and of strong views is recorded once, and the upper part
is trained on the records, each step on `LABELLED` labelled views and on
`OTHERS` strong views of rows without labels. Their targets are the answers of
a teacher about weak views of the same rows; the teacher is the average of the
weights of the upper part.
"""

import _cells
import _machine
import keras
import numpy as np
import PIL.Image
import PIL.ImageEnhance
import PIL.ImageOps
import tensorflow as tf
from keras import ops

import aet_keras
from aet_keras.training.self_training import SelfTraining

SIDE = 64
VIEWS_OF_LABELLED = 8, 16  # weak ones, with the row itself, and strong ones
VIEWS_OF_OTHERS = 1, 2  # a row is drawn about three times in all
LABELLED, OTHERS = 32, 64  # rows of a step
MIRRORED = ("clothing10", "cifar10", "fashion")  # digits are not mirrored
BOUNDARIES = {"mobilenet": "block_12_add", "embedded": "block_12_add"}
RATE = 3e-4  # 1e-4 is as good; 1e-3 ends at chance, also with labels alone
DECAY, STEPS = 0.99, 200
CONFIDENCE = 0.95
CONSISTENCY = 10.0  # of mean teacher's squared differences
RAMP = 0.2  # of the steps, in which the second loss comes in


def weak_view(image, random, is_mirrored):
    """Returns an image moved by up to an eighth, or mirrored."""
    if is_mirrored and random.random() < 0.5:
        image = image[:, ::-1]
    side = len(image)
    reach = side // 8
    padded = np.pad(image, ((reach, reach), (reach, reach), (0, 0)), "reflect")
    top, left = random.integers(0, 2 * reach + 1, 2)
    return padded[top : top + side, left : left + side]


def strong_view(image, random, is_mirrored):
    """Returns a weak view with two changes, and a square cut out.

    The changes and their reach are those of RandAugment in FixMatch, Table 12.
    """
    found = PIL.Image.fromarray(weak_view(image, random, is_mirrored))
    for index in random.integers(0, len(_CHANGES), 2):
        found = _CHANGES[index](found, random.random())
    found = np.array(found)
    side = len(found)
    half = int(random.random() * side / 4)
    row, column = random.integers(0, side, 2)
    rows = slice(max(row - half, 0), row + half)
    found[rows, max(column - half, 0) : column + half] = 128
    return found


def _enhanced(kind):
    return lambda image, share: kind(image).enhance(0.05 + 0.9 * share)


def _moved(image, *matrix):
    fill = (128, 128, 128)
    way = PIL.Image.Transform.AFFINE
    return image.transform(image.size, way, matrix, fillcolor=fill)


def _signed(share, reach):
    return (2 * share - 1) * reach


_CHANGES = (
    lambda image, share: PIL.ImageOps.autocontrast(image),
    lambda image, share: PIL.ImageOps.equalize(image),
    lambda image, share: image,
    lambda image, share: PIL.ImageOps.posterize(image, 4 + int(share * 4)),
    lambda image, share: PIL.ImageOps.solarize(image, int(share * 255)),
    lambda image, share: image.rotate(
        _signed(share, 30), fillcolor=(128, 128, 128)
    ),
    lambda image, share: _moved(image, 1, _signed(share, 0.3), 0, 0, 1, 0),
    lambda image, share: _moved(image, 1, 0, 0, _signed(share, 0.3), 1, 0),
    lambda image, share: _moved(
        image, 1, 0, _signed(share, 0.3) * image.size[0], 0, 1, 0
    ),
    lambda image, share: _moved(
        image, 1, 0, 0, 0, 1, _signed(share, 0.3) * image.size[1]
    ),
    _enhanced(PIL.ImageEnhance.Brightness),
    _enhanced(PIL.ImageEnhance.Color),
    _enhanced(PIL.ImageEnhance.Contrast),
    _enhanced(PIL.ImageEnhance.Sharpness),
)


def in_two(model, boundary):
    """Returns what a model is below a layer of its backbone, and above.

    The upper model shares no weights with the given one, and answers with
    logits.
    """
    at = next(i for i, e in enumerate(model.layers) if hasattr(e, "layers"))
    base = model.layers[at]
    cut = base.get_layer(boundary).output
    pixels = model.input
    x = pixels
    for layer in model.layers[1:at]:
        x = layer(x)
    lower = keras.Model(pixels, keras.Model(base.input, cut)(x, training=False))
    upper = keras.models.clone_model(keras.Model(cut, base.output))
    upper.set_weights(keras.Model(cut, base.output).get_weights())
    head = keras.layers.Dense(model.output_shape[-1])
    features = keras.Input(cut.shape[1:])
    x = upper(features, training=False)  # BatchNormalization is left alone
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.2)(x)
    above = keras.Model(features, head(x))
    head.set_weights(model.layers[-1].get_weights())
    for layer in upper.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    return lower, above


class Records:
    """Holds what the lower part makes of weak and of strong views."""

    def __init__(self, lower, images, counts, seed, is_mirrored):
        random = np.random.default_rng(seed)

        def record(view, count):
            found = []
            for _ in range(count):
                seen = [view(each, random, is_mirrored) for each in images]
                made = lower.predict(np.stack(seen), batch_size=128, verbose=0)
                found.append(made.astype("float16"))
            return found

        plain = record(lambda image, *_: image, 1)
        weak = plain + record(weak_view, counts[0] - 1)
        self.weak = np.stack(weak, axis=1)  # (rows, views, ...)
        self.strong = np.stack(record(strong_view, counts[1]), axis=1)

    def drawn(self, kind, rows, random):
        """Returns a view of each of some rows."""
        views = getattr(self, kind)
        return views[rows, random.integers(0, views.shape[1], len(rows))]


def learn(kind, above, labelled, others, *, seed):
    """Trains a copy of the upper part; returns the averages of its weights.

    Args:
        kind: str. Of `LOSSES`, or `"views"`, which has no second loss.
        above: `keras.Model`. The upper part.
        labelled: tuple of `Records` and labels.
        others: optional `Records` of rows without labels.
        seed: int.
    """
    keras.utils.set_random_seed(seed)
    random = np.random.default_rng(seed)
    student, teacher = (keras.models.clone_model(above) for _ in range(2))
    for each in (student, teacher):
        each.set_weights(above.get_weights())
    records, labels = labelled
    schedule = keras.optimizers.schedules.CosineDecay(RATE, STEPS, alpha=0.05)
    optimizer = keras.optimizers.Adam(schedule)
    optimizer.build(student.trainable_variables)
    second = LOSSES.get(kind)
    if kind == "pseudo_labels":  # the teacher stays what it was
        answering = keras.models.clone_model(above)
        answering.set_weights(above.get_weights())
    else:
        answering = teacher
    frequencies = np.bincount(labels, minlength=above.output_shape[-1])
    state = State((frequencies / frequencies.sum()).astype("float32"))

    @tf.function
    def step(x, y, weak, strong, share):
        if second is not None:
            answers = ops.softmax(answering(weak, training=False))
        with tf.GradientTape() as tape:
            rows = x if second is None else tf.concat([x, strong], 0)
            logits = student(tf.cast(rows, "float32"), training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                y, logits[: len(y)]
            )
            loss = tf.reduce_mean(losses)
            if second is not None:
                loss += share * second(answers, logits[len(y) :], state)
        found = tape.gradient(loss, student.trainable_variables)
        optimizer.apply(found, student.trainable_variables)
        for mine, own in zip(
            teacher.trainable_variables,
            student.trainable_variables,
            strict=True,
        ):
            mine.assign(DECAY * mine + (1 - DECAY) * own)
        return loss

    for index in range(STEPS):
        few = random.integers(0, len(labels), LABELLED)
        half = LABELLED // 2
        x = np.concatenate(
            [
                records.drawn("weak", few[:half], random),
                records.drawn("strong", few[half:], random),
            ]
        )
        weak = strong = x[:0]
        if second is not None:
            rows = random.integers(0, len(others.weak), OTHERS)
            weak = others.drawn("weak", rows, random)
            strong = others.drawn("strong", rows, random)
        step(
            tf.constant(x),
            tf.constant(labels[few]),
            tf.constant(weak),
            tf.constant(strong),
            tf.constant(min(1.0, index / (RAMP * STEPS)), "float32"),
        )
    return teacher


class State:
    """Holds how frequent classes are, and two running means of answers."""

    def __init__(self, frequencies):
        classes = len(frequencies)
        self.frequencies = tf.constant(frequencies)
        self.confidence = tf.Variable(1 / classes)
        self.answers = tf.Variable(frequencies)


def _mean_teacher(answers, logits, state):
    """Squared differences of probabilities (Tarvainen & Valpola, 2017)."""
    gaps = ops.softmax(logits) - answers
    return CONSISTENCY * tf.reduce_mean(tf.reduce_sum(gaps**2, axis=1))


def _fixmatch(answers, logits, state):
    """Sure answers are labels (Sohn et al., 2020)."""
    return _of_sure(answers, logits, CONFIDENCE)


def _aligned(answers, logits, state):
    """FixMatch with frequencies aligned and a threshold that follows.

    Classes are made as frequent as among the labels (Berthelot et al., 2020),
    which are drawn evenly here. The threshold is the running mean of the
    teacher's confidence (Wang et al., 2023; one for all classes).
    """
    state.answers.assign(
        0.9 * state.answers + 0.1 * tf.reduce_mean(answers, axis=0)
    )
    answers = answers * state.frequencies / state.answers
    answers /= tf.reduce_sum(answers, axis=1, keepdims=True)
    sure = tf.reduce_mean(tf.reduce_max(answers, axis=1))
    state.confidence.assign(0.9 * state.confidence + 0.1 * sure)
    return _of_sure(answers, logits, state.confidence)


def _of_sure(answers, logits, least):
    is_sure = tf.cast(tf.reduce_max(answers, axis=1) >= least, "float32")
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
        tf.argmax(answers, axis=1), logits
    )
    return tf.reduce_mean(is_sure * losses)


LOSSES = {
    "pseudo_labels": _aligned,
    "mean_teacher": _mean_teacher,
    "fixmatch": _fixmatch,
    "aligned": _aligned,
}


def tune(rows, given, backbone, name, seed, epochs):
    """Yields the figures of networks that are tuned, then taught by views.

    `fine_tune` and `unlabelled` are one run, because the head is solved anew
    once it is over. `views`, of labels alone, goes on where `fine_tune` ended,
    each of the others where `unlabelled` did.
    """
    train, more, validation, (test, wanted) = given
    is_mirrored = name in MIRRORED
    keras.utils.set_random_seed(seed)
    begun = _machine.now()
    classes = int(wanted.max()) + 1
    model, _ = _cells.build(backbone, SIDE, classes, 1e-3)
    aet_keras.fine_tune(
        model, train, validation_data=validation, epochs=epochs, verbose=0
    )
    spent = _machine.now() - begun
    lower, above = in_two(model, BOUNDARIES[backbone])
    held, tested = (
        lower.predict(each, batch_size=128, verbose=0)
        for each in (validation[0], test)
    )

    def figures(upper):
        found = [
            ops.convert_to_numpy(
                ops.softmax(upper.predict(each, batch_size=256, verbose=0))
            )
            for each in (held, tested)
        ]
        rows = np.arange(len(held)), validation[1]
        losses = -np.log(np.maximum(found[0][rows], 1e-7))
        return losses, float((found[1].argmax(axis=1) == wanted).mean())

    def line(row, upper, seconds):
        losses, accuracy = figures(upper)
        gains = before - losses
        error = gains.std(ddof=1) / np.sqrt(len(gains))
        said = {
            "seconds": round(float(seconds[1]), 1),
            "validation_gain": round(float(gains.mean()), 3),
            "error": round(float(error), 3),
        }
        return row, accuracy, said

    before, _ = figures(above)
    if "fine_tune" in rows:
        yield line("fine_tune", above, spent)
    begun = _machine.now()
    few = Records(lower, train[0], VIEWS_OF_LABELLED, seed, is_mirrored)
    recorded = _machine.now() - begun
    if "views" in rows:
        begun = _machine.now()
        upper = learn("views", above, (few, train[1]), None, seed=seed)
        seconds = spent + recorded + _machine.now() - begun
        yield line("views", upper, seconds)
    begun = _machine.now()
    SelfTraining(model, train, validation, more).solve_head()
    above.layers[-1].set_weights(model.layers[-1].get_weights())
    spent = spent + _machine.now() - begun
    if "unlabelled" in rows:
        yield line("unlabelled", above, spent)
    before, _ = figures(above)  # what the validation rows choose against
    begun = _machine.now()
    others = Records(lower, more, VIEWS_OF_OTHERS, seed, is_mirrored)
    spent = spent + recorded + _machine.now() - begun
    for row in [each for each in rows if each in LOSSES]:
        begun = _machine.now()
        upper = learn(row, above, (few, train[1]), others, seed=seed)
        yield line(row, upper, spent + _machine.now() - begun)
    keras.backend.clear_session()
