"""What else may a teacher say that has learned the labels of the same rows?

A teacher that has learned a row says its label once more. Tried here, for a
frozen student whose head is solved on 500 labels:

- `sharp` and `soft`: a temperature of 1 and of 4 in place of 2;
- `folds`: each row's answer is that of a head that has not learned it, solved
  on the teacher's features of the other four fifths (these features have);
- `taught_moved`: the teacher is asked about three views of each row beside it,
  moved by up to an eighth or mirrored; `taught_mixed`: about three that are
  also mixed with another row (Beyer et al., 2022). `moved` and `mixed` have the
  same views with labels that are mixed alike, and no teacher.
"""

import _cells
import _few_labels
import _machine
import keras
import numpy as np
from scipy import special

from aet_keras.losses.distillation import Distillation
from aet_keras.replay import lbfgs
from aet_keras.replay.head_loss import KnownLoss

ROWS = ["labels", "taught", "sharp", "soft", "folds"]
ROWS += ["moved", "taught_moved", "mixed", "taught_mixed"]
TEMPERATURES = {"sharp": 1.0, "soft": 4.0}
VIEWS, FOLDS = 3, 5


class Given:
    """Holds what teacher and student make of the rows of a data set."""

    def __init__(self, data, splits, teacher, pooled, side):
        self.is_mirrored = data in _few_labels.MIRRORED
        self.images = splits["teacher"][0][0]
        self.side, self.student = side, pooled
        last = teacher.layers[-1]
        self.teacher = keras.Model(teacher.input, [last.input, last.output])
        self.known, self.answers = self._ask(self.images)
        self.rows = [(self._features(x), y) for x, y in splits["student"]]

    def _ask(self, images):
        return self.teacher.predict(images, batch_size=128, verbose=0)

    def _features(self, images):
        return self.student.predict(images, batch_size=128, verbose=0)

    def views(self, rows, hot, seed):
        """Returns moved and mixed views: features, labels and answers."""
        random = np.random.default_rng(100 + seed)

        def moved():
            return np.stack(
                [
                    _few_labels.weak_view(each, random, self.is_mirrored)
                    for each in self.images[rows]
                ]
            )

        def read(seen, labels):
            features = self._features(_cells.resized(seen, self.side))
            return features, labels, self._ask(seen)[1]

        def mixed():
            first, other = moved(), random.permutation(len(rows))
            share = random.uniform(0, 1, (len(rows), 1, 1, 1)).astype("float32")
            seen = share * first + (1 - share) * moved()[other]
            share = share[:, :, 0, 0]
            labels = share * hot + (1 - share) * hot[other]
            return read(np.rint(seen).astype("uint8"), labels)

        return {
            "moved": [read(moved(), hot) for _ in range(VIEWS)],
            "mixed": [mixed() for _ in range(VIEWS)],
        }


def folded(features, hot):
    """Returns answers about rows by heads that have not learned them."""
    found = np.empty(hot.shape, "float32")
    order = np.random.default_rng(0).permutation(len(hot))
    for part in np.array_split(order, FOLDS):
        rest = np.setdiff1d(order, part)
        head = lbfgs.solve(
            _rows(features[rest], hot[rest]),
            _rows(features[part], hot[part]),
            kind="softmax",
        )
        scores = features[part] @ head.kernel + head.bias
        found[part] = special.softmax(scores.astype("float64"), axis=1)
    return found


def run(given, labels, seeds):
    """Yields the figures of heads that are solved on some labels."""
    (x, y), (held, wanted), (test, true) = given.rows
    hot = np.eye(given.answers.shape[1], dtype="float32")
    from_folds = folded(given.known, hot[y])
    for name, each in (("teacher", given.answers), ("folds", from_folds)):
        right = (each.argmax(axis=1) == y).mean()
        print(f"{name}: right about {right:.4f} of the training rows")
    for seed in seeds:
        few = np.random.default_rng(seed).permutation(len(y))[:labels]
        own = x[few], hot[y[few]], given.answers[few]
        views = given.views(few, hot[y[few]], seed)
        for row in ROWS:
            begun = _machine.now()[1]
            seen, kind = own, row.split("_")[-1]
            if row == "folds":
                seen = *own[:2], from_folds[few]
            elif kind in views:
                seen = map(np.concatenate, zip(own, *views[kind], strict=True))
            kernel, bias = _solved(row, *seen, (held, hot[wanted]))
            right = ((test @ kernel + bias).argmax(axis=1) == true).mean()
            yield {
                "row": row,
                "seed": seed,
                "test_accuracy": round(float(right), 4),
                "seconds": round(_machine.now()[1] - begun, 1),
            }


def _rows(features, targets):
    return lbfgs.Rows(features, targets, np.ones(len(targets), "float32"))


def _solved(row, features, labels, answers, held):
    kind, targets, (held, wanted) = "softmax", labels, held
    if row not in ("labels", "moved", "mixed"):
        temperature = TEMPERATURES.get(row, 2.0)
        known = KnownLoss.of(Distillation(temperature=temperature))
        kind, count = known.solved_as, labels.shape[1]
        targets = known.targets(np.hstack([labels, answers]), count)
        wanted = known.targets(wanted, count)
    found = lbfgs.solve(
        _rows(features, targets), _rows(held, wanted), kind=kind
    )
    return found.kernel, found.bias
