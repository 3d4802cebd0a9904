"""What do views of a few labelled rows teach, without any other rows?

The network is tuned on the rows as they are. The rows of the benchmark go on
from there, with what the tuned lower part makes of views of the labelled rows.
"""

import _cells
import _few_labels
import _machine
import keras
import numpy as np
from keras import ops
from scipy import special

import aet_keras
from aet_keras.replay import lbfgs
from aet_keras.training.fine_tune import stop_early

ROWS = [
    "unsolved",
    "fine_tune",
    "light",
    "head",
    "head_weak",
    "head_views",
    "plain_head",
    "weak_head",
    "views_head",
]
VIEWS = 8, 8  # weak ones, with the row itself, and strong ones
STEPS, SIZE = 200, 32
COPIES = 8
EPOCHS = 14
TESTED = 1000  # images at most
ERRORS = 0.5  # that a gain must be above 0, as of `fine_tune(unlabelled=)`


def answers_of(head, *features):
    """Returns what a head says of some rows, and of others."""
    kernel, bias = head
    return [
        special.softmax((each @ kernel + bias).astype("float64"), axis=1)
        for each in features
    ]


class Upper:
    """Holds the part of a network above the boundary, and trains it anew.

    It is traced once for all networks that are tuned.

    Args:
        tuned: `keras.Model` of `_cells.build`.
        backbone: str.
    """

    def __init__(self, tuned, backbone):
        self._boundary = _few_labels.BOUNDARIES[backbone]
        self._model = None
        self.lower, above = _few_labels.in_two(tuned, self._boundary)
        logits = above.output
        self._model = keras.Model(above.input, [above.layers[-1].input, logits])
        self._above, self._weights = above, above.get_weights()
        rate = keras.optimizers.schedules.CosineDecay(
            _few_labels.RATE, STEPS, alpha=0.05
        )
        self._optimizer = keras.optimizers.Adam(rate)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        above.compile(self._optimizer, loss)

    def begin(self, tuned):
        """Takes the weights of another tuned network."""
        lower, above = _few_labels.in_two(tuned, self._boundary)
        self.lower.set_weights(lower.get_weights())
        self._weights = above.get_weights()
        self.forget()

    def forget(self):
        """Takes the weights that tuning left, and Adam's first step."""
        self._above.set_weights(self._weights)
        for each in self._optimizer.variables:
            each.assign(ops.zeros_like(each))

    def train(self, kinds, labels, seed):
        """Trains on views of rows, as many of each kind in a step.

        Args:
            kinds: list of arrays `(rows, views, ...)`.
            labels: array `(rows,)`.
            seed: int.
        """
        self.forget()
        keras.utils.set_random_seed(seed)
        random = np.random.default_rng(seed)
        rows = random.integers(0, len(labels), (STEPS, SIZE))
        parts = np.split(rows, len(kinds), axis=1)
        x = np.concatenate(
            [
                views[part, random.integers(0, views.shape[1], part.shape)]
                for views, part in zip(kinds, parts, strict=True)
            ],
            axis=1,
        )
        x = x.reshape(-1, *x.shape[2:])
        y = labels[rows].reshape(-1)
        self._above.fit(x, y, batch_size=SIZE, shuffle=False, verbose=0)

    def read(self, records):
        """Returns features of the head, and probabilities, of some rows."""
        x, logits = self._model.predict(records, batch_size=256, verbose=0)
        return x, special.softmax(logits.astype("float64"), axis=1)


def tune(rows, given, backbone, name, seed, folder, kept={}):  # noqa: B006
    """Yields the figures of a tuned network, and of what goes on from it."""
    (x, y), _, (held, wanted), (test, answers) = given
    test, answers = test[:TESTED], answers[:TESTED]
    side = _few_labels.SIDE
    is_mirrored = name in _few_labels.MIRRORED
    classes = int(answers.max()) + 1
    hot = np.eye(classes, dtype="float32")

    def losses(found):
        right = found[np.arange(len(wanted)), wanted]
        return -np.log(np.maximum(right, 1e-7))

    def line(row, found, said, seconds):
        gains = before - losses(found[0])
        error = gains.std(ddof=1) / np.sqrt(len(gains))
        said = {
            "seconds": round(float(seconds[1]), 1),
            "validation_loss": round(float(losses(found[0]).mean()), 3),
            "gain": round(float(gains.mean()), 3),
            "error": round(float(error), 3),
            "is_used": bool(gains.mean() > ERRORS * error),
            **said,
        }
        return row, float((found[1].argmax(axis=1) == answers).mean()), said

    path = folder / f"{name}_{backbone}_{len(y)}_{seed}.npz"
    if not path.exists():
        begun = _machine.now()
        model, best, run = _tuned((x, y), (held, wanted), backbone, seed)
        spent = _machine.now() - begun
        head = model.layers[-1].get_weights()
        best.restore()  # what training left, with the head that it left
        folder.mkdir(parents=True, exist_ok=True)
        said = [what for _, what in run.cache_events if "again" in what]
        np.savez(
            path, *model.get_weights(), *head, seconds=spent, said="".join(said)
        )
    stored = np.load(path)
    model, _ = _cells.build(backbone, side, classes, 1e-3)
    count = len(model.get_weights())
    arrays = [stored[f"arr_{i}"] for i in range(count + 2)]
    model.set_weights(arrays[:count])
    spent = stored["seconds"]
    key = backbone, classes
    if key in kept:
        upper = kept[key]
        upper.begin(model)
    else:
        upper = kept[key] = Upper(model, backbone)
    below = [
        upper.lower.predict(each, batch_size=128, verbose=0)
        for each in (held, test)
    ]

    def read_both():
        return zip(*(upper.read(each) for each in below), strict=True)

    (_, found) = read_both()
    before = losses(found[0])
    yield line("unsolved", found, {}, spent)
    (own, tested), _ = read_both()
    yield line(
        "fine_tune",
        answers_of(arrays[-2:], own, tested),
        {"said": str(stored["said"])},
        spent,
    )
    if "light" in rows:
        begun = _machine.now()
        other, *_ = _tuned((x, y), (held, wanted), backbone, seed, "light")
        seconds = _machine.now() - begun
        found = [
            other.predict(each, batch_size=128, verbose=0)
            for each in (held, test)
        ]
        yield line("light", found, {}, seconds)
    if not any("head" in row for row in rows):
        return
    begun = _machine.now()
    records = _few_labels.Records(upper.lower, x, VIEWS, seed, is_mirrored)
    spent = spent + _machine.now() - begun
    weak, strong = records.weak, records.strong
    kinds = {
        "plain": [weak[:, :1]],
        "weak": [weak],
        "views": [weak, strong],
    }
    if any("light" in row for row in rows if row != "light"):
        augment = aet_keras.data.build_augmentation(
            "light", image_size=(side, side), seed=seed
        )
        light = [weak[:, 0]]
        for _ in range(COPIES - 1):
            seen = ops.convert_to_numpy(
                augment(x.astype("float32"), training=True)
            )
            light.append(
                upper.lower.predict(seen, batch_size=128, verbose=0).astype(
                    "float16"
                )
            )
        kinds["light"] = [np.stack(light, axis=1)]
    solved = {
        "head": "plain",
        "head_weak": "weak",
        "head_views": "views",
        "head_light": "light",
    }
    steps = {f"{kind}_head": kind for kind in kinds}

    def solve(row, kind, seconds):
        begun = _machine.now()
        views = np.concatenate(kinds[kind], axis=1)
        count = views.shape[1]
        features, _ = upper.read(views.reshape(-1, *views.shape[2:]))
        (own, tested), _ = read_both()
        labels = np.repeat(y, count)
        head = lbfgs.solve(
            lbfgs.Rows(features, hot[labels], np.ones(len(labels), "float32")),
            lbfgs.Rows(own, hot[wanted], np.ones(len(wanted), "float32")),
            kind="softmax",
        )
        found = answers_of((head.kernel, head.bias), own, tested)
        seconds = seconds + _machine.now() - begun
        return line(row, found, {"strength": head.strength}, seconds)

    upper.forget()
    for row in [each for each in solved if each in rows]:
        yield solve(row, solved[row], spent)
    for row in [each for each in steps if each in rows]:
        begun = _machine.now()
        upper.train(kinds[steps[row]], y, seed)
        seconds = spent + _machine.now() - begun
        _, found = read_both()
        yield line(steps[row], found, {}, seconds)
        yield solve(row, steps[row], seconds)


def _tuned(train, held, backbone, seed, augment=None):
    """Returns a network after `fine_tune`; augmented as the command does."""
    keras.utils.set_random_seed(seed)
    classes, side = int(train[1].max()) + 1, _few_labels.SIDE
    model, _ = _cells.build(backbone, side, classes, 1e-3)
    settings = {}
    if augment is not None:
        images, labels = train
        names = tuple(str(row) for row in range(len(labels)))
        train = aet_keras.data.make_batches(
            aet_keras.data.Split(images, labels, names),
            batch_size=SIZE,
            shuffle_seed=seed,
            augment=aet_keras.data.build_augmentation(
                augment, image_size=(side, side), seed=seed
            ),
        )
        settings["freezing"] = aet_keras.callbacks.ElasticFreezing(cache=None)
        settings["shuffle"] = False
    best = stop_early(EPOCHS, is_averaged=True)
    run = aet_keras.fine_tune(
        model,
        train,
        validation_data=held,
        epochs=EPOCHS,
        best=best,
        verbose=0,
        **settings,
    )
    return model, best, run
