"""What do more steps, and views of a few labelled rows, teach a tuned network?

No other rows are needed. `tuned` is what `fit` leaves; `fine_tune` has more
steps of the groups that moved, and its head solved again, where the validation
rows say so. The others go on from
`tuned` and leave the lower part alone. `plain`, `weak` and `views` are `STEPS`
steps of the upper part on the rows as they are, on weak views of them, and on
weak and strong ones; `plain_head` and so on have the head solved after them,
on the same views. `head_plain` and so on have it solved without these steps.
`light` is `fine_tune` with the images that `--augment light` makes.
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

KINDS = ("plain", "weak", "views")
ROWS = ["fine_tune", "light", "head_plain", "head_weak", *KINDS]
VIEWS = 8, 8  # weak ones, with the row itself, and strong ones
STEPS, SIZE = 200, 32
EPOCHS = 14
TESTED = 1000  # images at most
ERRORS = 0.5  # that a gain must be above 0, as in `fine_tune`


class Upper:
    """Holds the part of a network above the boundary, and trains it anew.

    It is traced once for all networks that are tuned.

    Args:
        tuned: `keras.Model` of `_cells.build`.
        backbone: str.
    """

    def __init__(self, tuned, backbone):
        self._boundary = _few_labels.BOUNDARIES[backbone]
        self.lower, above = _few_labels.in_two(tuned, self._boundary)
        self._both = keras.Model(
            above.input, [above.layers[-1].input, above.output]
        )
        self._above = above
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
        """Returns what goes into the head for some rows, and probabilities."""
        x, logits = self._both.predict(records, batch_size=256, verbose=0)
        return x, special.softmax(logits.astype("float64"), axis=1)


class Judge:
    """Holds validation and test rows, and says what a network makes of them.

    Args:
        upper: `Upper`.
        held: tuple of images and labels. Of validation.
        test: tuple of images and labels.
    """

    def __init__(self, upper, held, test):
        self._upper, self._labels = upper, (held[1], test[1])
        self._below = [
            upper.lower.predict(images, batch_size=128, verbose=0)
            for images, _ in (held, test)
        ]
        self._before = self._losses(self.read()[1][0])

    def read(self):
        """Returns features of both, and probabilities of both."""
        return [*zip(*map(self._upper.read, self._below), strict=True)]

    def by_head(self, kernel, bias):
        """Returns the probabilities of both with another head."""
        return [
            special.softmax((each @ kernel + bias).astype("float64"), axis=1)
            for each in self.read()[0]
        ]

    def line(self, row, found, seconds, **said):
        """Returns a row, its accuracy, and what the validation rows say."""
        gains = self._before - self._losses(found[0])
        error = gains.std(ddof=1) / np.sqrt(len(gains))
        figures = {
            "seconds": round(float(seconds[1]), 1),
            "validation_gain": round(float(gains.mean()), 3),
            "error": round(float(error), 3),
            "is_used": bool(gains.mean() > ERRORS * error),
        }
        right = found[1].argmax(axis=1) == self._labels[1]
        return row, float(right.mean()), {**figures, **said}

    def _losses(self, found):
        labels = self._labels[0]
        right = found[np.arange(len(labels)), labels]
        return -np.log(np.maximum(right, 1e-7))


def tune(rows, given, backbone, name, seed, folder, uppers):
    """Yields the figures of a tuned network, and of what goes on from it.

    Args:
        rows: list of str.
        given: what `unlabelled.drawn` draws.
        backbone: str.
        name: str. Of the data.
        seed: int.
        folder: `pathlib.Path`. Tuned networks are kept there.
        uppers: dict. An `Upper` of each backbone and number of classes.
    """
    (x, y), _, held, (images, answers) = given
    test = images[:TESTED], answers[:TESTED]
    path = folder / f"{name}_{backbone}_{len(y)}_{seed}.npz"
    model, last, spent, said = _kept(path, (x, y), held, backbone, seed)
    key = backbone, model.output_shape[-1]
    if key not in uppers:
        uppers[key] = Upper(model, backbone)
    upper = uppers[key]
    upper.begin(model)
    judge = Judge(upper, held, test)
    yield judge.line("tuned", judge.read()[1], spent)
    if "fine_tune" in rows:
        found = _answers(last, held, test)
        yield judge.line("fine_tune", found, spent, said=said)
    if "light" in rows:
        begun = _machine.now()
        other, *_ = _tuned((x, y), held, backbone, seed, "light")
        seconds = _machine.now() - begun
        found = _answers(other, held, test)
        yield judge.line("light", found, seconds)
    views = [each for each in rows if each.split("_")[-1] in KINDS]
    if not views:
        return
    begun = _machine.now()
    mirrored = name in _few_labels.MIRRORED
    records = _few_labels.Records(upper.lower, x, VIEWS, seed, mirrored)
    spent = spent + _machine.now() - begun
    kinds = {
        "plain": [records.weak[:, :1]],
        "weak": [records.weak],
        "views": [records.weak, records.strong],
    }
    for row in views:
        begun = _machine.now()
        kind = kinds[row.split("_")[-1]]
        if row in KINDS:
            upper.train(kind, y, seed)
            seconds = spent + _machine.now() - begun
            yield judge.line(row, judge.read()[1], seconds)
        else:
            upper.forget()
        head = _solved(upper, kind, y, judge, held[1])
        seconds = spent + _machine.now() - begun
        called = f"{row}_head" if row in KINDS else row
        found = judge.by_head(head.kernel, head.bias)
        yield judge.line(called, found, seconds)


def _solved(upper, kinds, labels, judge, wanted):
    """Returns the head that is best for all views, as `fit` solves it."""
    views = np.concatenate(kinds, axis=1)
    count = views.shape[1]
    features, _ = upper.read(views.reshape(-1, *views.shape[2:]))

    (own, _), (found, _) = judge.read()
    hot = np.eye(found.shape[1], dtype="float32")

    def rows(features, labels):
        ones = np.ones(len(labels), "float32")
        return lbfgs.Rows(features, hot[labels], ones)

    return lbfgs.solve(
        rows(features, np.repeat(labels, count)),
        rows(own, wanted),
        kind="softmax",
    )


def _kept(path, train, held, backbone, seed):
    """Returns what `fit` left, what `fine_tune` did, seconds, and words."""
    if not path.exists():
        begun = _machine.now()
        model, best, run = _tuned(train, held, backbone, seed)
        spent = _machine.now() - begun
        last = model.get_weights()
        best.restore()  # as `fit` left it
        said = [
            f"{what}; "
            for _, what in run.cache_events
            if "again" in what or "more steps" in what
        ]
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = [*model.get_weights(), *last]
        np.savez(path, *arrays, seconds=spent, said="".join(said))
    stored = np.load(path)
    classes = int(train[1].max()) + 1
    models = []
    for index in range(2):
        model, _ = _cells.build(backbone, _few_labels.SIDE, classes, 1e-3)
        begin = index * len(model.weights)
        places = range(begin, begin + len(model.weights))
        model.set_weights([stored[f"arr_{i}"] for i in places])
        models.append(model)
    return *models, stored["seconds"], str(stored["said"])


def _answers(model, *splits):
    return [
        model.predict(images, batch_size=128, verbose=0) for images, _ in splits
    ]


def _tuned(train, held, backbone, seed, augment="none"):
    """Returns a network after `fine_tune`, its `KeepBest`, and its `Run`."""
    keras.utils.set_random_seed(seed)
    side, settings = _few_labels.SIDE, {}
    classes = int(train[1].max()) + 1
    model, _ = _cells.build(backbone, side, classes, 1e-3)
    if augment != "none":  # as the command does it
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
        freezing = aet_keras.callbacks.ElasticFreezing(cache=None)
        settings = {"freezing": freezing, "shuffle": False}
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
