"""Adapts a model to data that have changed, by what the change allows."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras._keras import reading
from aet_keras.drift.gate import Verdict, judge_change
from aet_keras.training import _remedies
from aet_keras.training._mixed_fit import Rows, Settings
from aet_keras.training._remedies import Case, NotTried

KINDS = ("none", "label", "input", "output", "classes", "unexplained")
_OWNER = "adapt"
_LEAST_LABELS = 20
_MOST_HELD = 500
# To prove a gain of 10 points where 3 answers of 10 differ: 2.7 * 0.3 / 0.1^2.
_USUAL_LABELS = 81


@dataclasses.dataclass(frozen=True)
class Attempt:
    """Says what one remedy brought.

    Args:
        remedy: str. What was done.
        before: float or None. The measure without it; `None` if there was
            nothing to measure.
        after: float or None. The measure with it.
        measure: str. `"accuracy"` on labelled rows that it has not learned,
            or `"information"`: of inputs and answers, in nats.
        is_kept: bool. Whether the model has it now.
        seconds: float. What it took.
        reason: str. Why it was kept or not, or why it was not tried.

    Example: see `adapt`.
    """

    remedy: str
    before: float | None
    after: float | None
    measure: str
    is_kept: bool
    seconds: float
    reason: str


@dataclasses.dataclass(frozen=True)
class Adaptation:
    """Holds a model that was adapted, and all that was tried.

    `adapt` makes it.

    Args:
        model: the `keras.Model` that was given; with new classes, another
            one that shares its layers.
        kind: str. The kind of shift that was answered.
        attempts: tuple of `Attempt`, in the order in which they were tried.
        verdict: `Verdict` on labelled rows, or `None` without labels. On new
            rows it judges the remedy as learned from half of the labels, by
            the other half; the model has learned from all of them since.
        reason: str. What came of it in a sentence.

    Example: see `adapt`.
    """

    model: keras.Model
    kind: str
    attempts: tuple[Attempt, ...]
    verdict: Verdict | None
    reason: str

    @property
    def kept(self) -> tuple[str, ...]:
        """The remedies that the model has now."""
        return tuple(each.remedy for each in self.attempts if each.is_kept)

    def to_text(self) -> str:
        """Returns what was tried as a table, for 80 columns."""
        lines = ["remedy             before    after  measure      kept  why"]
        for each in self.attempts:
            before, after = (
                "-" if value is None else f"{value:.3f}"
                for value in (each.before, each.after)
            )
            kept = "yes" if each.is_kept else "no"
            lines.append(
                f"{each.remedy:<17}  {before:>6}   {after:>6}  "
                f"{each.measure:<11}  {kept:<4}  {each.reason}"
            )
        if self.verdict is not None:
            lines.append(f"{self.verdict.outcome}: {self.verdict.reason}")
        return "\n".join([*lines, self.reason])


def adapt(
    model: keras.Model,
    new: Any,
    labels: Any = None,
    *,
    old: tuple | None = None,
    shift: Any = None,
    epochs: int = 15,
    batch_size: int = 32,
    learning_rate: float = 3e-4,
    forgets_at_most: float = 0.02,
    seed: int = 0,
) -> Adaptation:
    """Adapts a classifier to new rows, with labels or without.

    The kind of the shift says what is tried, cheapest first:

    - `"label"`, the classes have other frequencies: these are estimated, and
      folded into the head.
    - `"input"`, the rows look different: BatchNormalization is moved by the
      difference of new and old rows, and kept if the answers say more about
      the inputs, or with labels, if more of them are right. With labels, all
      groups train then, half of each batch on old rows.
    - `"output"`, labels mean something else: the head is solved on the new
      rows' features.
    - `"classes"`, labels name classes that the head does not have: it is
      widened, and the weights of its old classes stay.
    - `"unexplained"`: with labels, BatchNormalization, the head, all groups,
      and the head before all groups are tried. Without, nothing is.

    What learns from labels is tried on half of them and judged by the other
    half. The best learns from all of them. If none is better than the model
    was, that stays as it was.

    Args:
        model: a functional or built Sequential `keras.Model` that ends in a
            softmax. Its weights change in place; how it is compiled and which
            layers are frozen stay. Its BatchNormalization stays in inference
            mode.
        new: array, or dict of arrays, as `predict` takes them: new rows.
        labels: optional ints `(rows,)`. Their classes, -1 where it is not
            known. Learned from where there are at least 20.
        old: optional tuple `(x, y)` of old rows, whose classes are ints; best
            are some that the model was not trained on. A quarter of them, at
            most 500, is held out to see what is forgotten. Without them,
            weights that were trained are moved back towards the start as far
            as that is better.
        shift: optional str, one of the kinds above or `"none"`, or what has
            it as `kind` (`aet_keras.drift.compare` returns such a record).
            Defaults to `"classes"` if a label is new, else `"unexplained"`.
        epochs: int >= 1. Passes over the labelled rows where groups train.
            Defaults to `15`.
        batch_size: int >= 2. Defaults to `32`.
        learning_rate: float > 0. Adam's, warmed up and lowered along a
            cosine. Defaults to `3e-4`.
        forgets_at_most: float from 0 to 1. What the verdict allows to be lost
            on old rows. Defaults to `0.02`.
        seed: int >= 0. Of halves and batches. Defaults to `0`.

    Returns:
        `Adaptation`.

    Raises:
        ValueError: if labels do not fit, or `shift` is no kind.

    Cost:
        Without labels a few passes over the new rows; with them, up to three
        trainings of `epochs` passes over the labelled rows.

    Example:

    >>> random = np.random.default_rng(0)
    >>> x, y = random.normal(size=(200, 4)), np.arange(200) % 2
    >>> x[:, 0] += 4 * y
    >>> head = keras.layers.Dense(2, activation="softmax")
    >>> model = keras.Sequential([keras.Input((4,)), head])
    >>> adapted = aet_keras.adapt(model, x, y, shift="output")
    >>> adapted.kept, adapted.verdict.outcome
    (('head',), 'better')
    """
    settings = _settings(epochs, batch_size, learning_rate, seed)
    check.ratio(_OWNER, forgets_at_most=forgets_at_most)
    count = reading.row_count(new)
    rows = _labelled(new, labels, count)
    old_rows = None if old is None else _old_rows(old)
    kind = _kind(shift, rows, model.output_shape[-1])
    run = _Run(model, new, rows, old_rows, settings, forgets_at_most)
    start = model.get_weights()
    try:
        reason = _ANSWERS[kind](run)
    except BaseException:
        model.set_weights(start)
        raise
    return Adaptation(
        run.result, kind, tuple(run.attempts), run.verdict(), reason
    )


class _Run:
    """Tries remedies on a model, and keeps what is better."""

    def __init__(self, model, new, rows, old, settings, forgets_at_most):
        self.model = self.result = model
        self.attempts: list[Attempt] = []
        self._forgets_at_most = forgets_at_most
        learned, self._old_held = _parted(old)
        self._old_before = self._answers(self._old_held)
        self.labelled = rows
        self._judged, self._before = rows, self._answers(rows)
        self._after = self._before
        source = None
        if self._old_held is not None:
            source = self._predict(self._old_held), self._old_held.y
        self.case = Case(model, new, rows, learned, source, settings)

    @property
    def can_learn(self) -> bool:
        """Whether there are labels enough to learn and to judge."""
        return len(self.labelled) >= _LEAST_LABELS

    def fold_priors(self) -> None:
        """Tries new class frequencies; with labels, they decide."""
        kept = self.model.get_weights()
        begun = time.perf_counter()
        try:
            reason = _remedies.fold_priors(self.case)
        except NotTried as why:
            self._add("priors", begun, reason=f"not tried: {why}")
            return
        before, after = self._look()
        is_kept = before is None or after >= before
        if not is_kept:
            self.model.set_weights(kept)
            self._after = self._before
            reason = "fewer labelled rows were right"
        self._add("priors", begun, before, after, is_kept, reason=reason)

    def move_statistics(self) -> None:
        """Tries other statistics; without labels, information decides."""
        kept = self.model.get_weights()
        begun = time.perf_counter()
        try:
            step = _remedies.move_statistics(self.case)
        except NotTried as why:
            self._add("statistics", begun, reason=f"not tried: {why}")
            return
        told = step.before, step.after, step.is_kept
        if not step.is_kept or not self.can_learn:
            self._look()
            self._add(
                "statistics", begun, *told, "information", reason=step.reason
            )
            return
        before, after = self._look()
        is_kept, reason = after >= before, "no fewer labelled rows are right"
        if not is_kept:
            self.model.set_weights(kept)
            self._after, reason = self._before, "fewer labelled rows were right"
        self._add("statistics", begun, before, after, is_kept, reason=reason)

    def try_each(self, names: tuple[str, ...]) -> None:
        """Learns from half of the labels, judges by the rest, keeps one."""
        first, second = _halves(self.labelled.y, self.case.settings.seed)
        learned, held = self.labelled.take(first), self.labelled.take(second)
        base = self.model.get_weights()
        base_answers = self._answers(held)
        best = before = float(np.mean(base_answers == held.y))
        chosen, ratio, answers = None, 1.0, base_answers
        for name in names:
            self.model.set_weights(base)
            begun = time.perf_counter()
            try:
                went, reason = _LEARNERS[name](self.case, learned, held, None)
            except NotTried as why:
                self._add(name, begun, reason=f"not tried: {why}")
                continue
            found = self._answers(held)
            after = float(np.mean(found == held.y))
            self._add(name, begun, before, after, reason=reason)
            if after > best:
                best, chosen, ratio, answers = after, name, went, found
        self.model.set_weights(base)
        self._judged, self._before = held, self._before[second]
        self._after = answers
        if chosen is not None:
            self._keep(chosen, ratio)

    def widen(self) -> None:
        """Gives the head new classes."""
        begun = time.perf_counter()
        first, second = _halves(self.labelled.y, self.case.settings.seed)
        held = self.labelled.take(second)
        try:
            self.result = _remedies.widen(self.case, self.labelled.take(first))
            self._judged, self._before = held, self._before[second]
            self._after = self._answers(held)
            self.result = _remedies.widen(self.case, self.labelled)
        except NotTried as why:
            self._add("wider head", begun, reason=f"not tried: {why}")
            return
        before, after = (
            float(np.mean(each == held.y))
            for each in (self._before, self._after)
        )
        self._add(
            "wider head", begun, before, after, True, reason="new classes"
        )

    def verdict(self) -> Verdict | None:
        """Judges what was kept; `None` without labels."""
        if not len(self._judged):
            return None
        old = None
        if self._old_held is not None:
            now = self._answers(self._old_held)
            old = (self._old_held.y, self._old_before, now)
        return judge_change(
            self._judged.y,
            self._before,
            self._after,
            old=old,
            forgets_at_most=self._forgets_at_most,
        )

    def _keep(self, name, ratio):
        """Has the chosen remedy learn from all labels."""
        place = [each.remedy for each in self.attempts].index(name)
        begun = time.perf_counter()
        _LEARNERS[name](self.case, self.labelled, None, ratio)
        seconds = self.attempts[place].seconds + time.perf_counter() - begun
        self.attempts[place] = dataclasses.replace(
            self.attempts[place], is_kept=True, seconds=seconds
        )

    def _look(self):
        """Returns the accuracy on all labelled rows, before and now."""
        if not len(self.labelled):
            return None, None
        self._after = self._answers(self.labelled)
        return tuple(
            float(np.mean(each == self.labelled.y))
            for each in (self._before, self._after)
        )

    def _predict(self, rows):
        return _remedies.predict(self.result, rows.x)

    def _answers(self, rows):
        if rows is None or not len(rows):
            return np.zeros(0, "int64")
        return self._predict(rows).argmax(axis=1)

    def _add(
        self,
        remedy,
        begun,
        before=None,
        after=None,
        is_kept=False,
        measure="accuracy",
        *,
        reason,
    ):
        seconds = time.perf_counter() - begun
        self.attempts.append(
            Attempt(remedy, before, after, measure, is_kept, seconds, reason)
        )


def _solve(case, rows, held, ratio):
    return 1.0, _remedies.solve_head(case, rows)


def _train(case, rows, held, ratio):
    ratio = _remedies.train_all(case, rows, held=held, ratio=ratio)
    told = "" if ratio == 1.0 else f", {ratio:g} of the way"
    return ratio, f"{case.settings.epochs} epochs{told}"


def _solve_and_train(case, rows, held, ratio):
    _remedies.solve_head(case, rows)
    return _train(case, rows, held, ratio)


_LEARNERS: dict[str, Callable] = {
    "head": _solve,
    "all": _train,
    "head, then all": _solve_and_train,
}


def _answer_none(run):
    return "nothing has changed, and nothing was tried"


def _answer_label(run):
    run.fold_priors()
    return _said(run)


def _answer_input(run):
    run.move_statistics()
    if run.can_learn:
        run.try_each(("all",))
    return _said(run)


def _answer_output(run):
    if not run.can_learn:
        return _needs_labels(run, "what labels mean now is told by them alone")
    run.try_each(("head",))
    return _said(run)


def _answer_classes(run):
    run.widen()
    return _said(run)


def _answer_unexplained(run):
    if not run.can_learn:
        return _needs_labels(run, "it is not known what has changed")
    run.move_statistics()
    run.try_each(("head", "all", "head, then all"))
    return _said(run)


_ANSWERS: dict[str, Callable] = {
    "none": _answer_none,
    "label": _answer_label,
    "input": _answer_input,
    "output": _answer_output,
    "classes": _answer_classes,
    "unexplained": _answer_unexplained,
}


def _said(run):
    kept = [each.remedy for each in run.attempts if each.is_kept]
    return f"kept: {', '.join(kept)}" if kept else "the model is as it was"


def _needs_labels(run, because):
    return (
        f"the model is as it was: {because}. {len(run.labelled)} rows have a "
        f"label, at least {_LEAST_LABELS} are learned from, and about "
        f"{_USUAL_LABELS} prove a gain of 10 points"
    )


def _settings(epochs, batch_size, learning_rate, seed):
    return Settings(
        epochs=check.positive_int(_OWNER, epochs=epochs),
        batch_size=check.whole(_OWNER, least=2, batch_size=batch_size),
        learning_rate=check.positive(_OWNER, learning_rate=learning_rate),
        seed=check.whole(_OWNER, seed=seed),
    )


def _labelled(new, labels, count):
    if labels is None:
        labels = np.full(count, -1)
    labels = np.asarray(labels)
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"{_OWNER}: `labels` must hold an int for each new row, -1 where "
            f"its class is not known. Received: {labels.dtype} of shape "
            f"{labels.shape} for {count} rows."
        )
    labels = labels.astype("int64")
    (known,) = np.nonzero(labels >= 0)
    return Rows(new, labels).take(known)


def _old_rows(old):
    if not isinstance(old, tuple) or len(old) != 2:
        raise ValueError(
            f"{_OWNER}: `old` must be a tuple of inputs and classes. "
            f"Received: old={check.shown(type(old).__name__)}. Give `(x, y)`."
        )
    x, y = old
    y = np.asarray(y)
    count = reading.row_count(x)
    if y.shape != (count,) or y.dtype.kind not in "iu" or y.min() < 0:
        raise ValueError(
            f"{_OWNER}: `old` must have an int from 0 on for each row. "
            f"Received: {y.dtype} of shape {y.shape} for {count} rows. "
            "One-hot labels become classes by `y.argmax(axis=1)`."
        )
    return Rows(x, y.astype("int64"))


def _kind(shift, rows, class_count):
    has_new = len(rows) and int(rows.y.max()) >= class_count
    if shift is None:
        return "classes" if has_new else "unexplained"
    kind = getattr(shift, "kind", shift)
    check.one_of(_OWNER, shift=kind, among=KINDS)
    if has_new != (kind == "classes"):
        raise ValueError(
            f"{_OWNER}: labels must name a new class if, and only if, the "
            f"shift is `classes`. Received: shift={kind!r}, and labels up to "
            f"{int(rows.y.max()) if len(rows) else None} for {class_count} "
            "classes. Leave `shift` out to have it follow from them."
        )
    return kind


def _parted(old):
    """Holds every fourth row out, at most so many."""
    if old is None or len(old) < 4:
        return old, None
    stride = max(4, -(-len(old) // _MOST_HELD))
    is_held = np.arange(len(old)) % stride == 0
    return (old.take(np.nonzero(~is_held)[0]), old.take(np.nonzero(is_held)[0]))


def _halves(labels, seed):
    """Divides row numbers so that each class is in both halves, if it can."""
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    return np.sort(order[::2]), np.sort(order[1::2])
