"""Tries remedies on a model, and keeps what labels say is better."""

import dataclasses
import time
from collections.abc import Callable

import numpy as np

from aet_keras.drift.gate import Verdict, judge_change
from aet_keras.training import _remedies
from aet_keras.training._choice import Trial, best_of, worth
from aet_keras.training._known_outputs import predict
from aet_keras.training._remedies import Case, NotTried

LEAST_LABELS = 20
_MOST_HELD = 500
_MOVED = "statistics"


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


class Run:
    """Tries remedies on a model, and keeps what is better."""

    def __init__(
        self, outputs, new, rows, old, settings, forgets_at_most, reference
    ):
        self.model = self.result = model = outputs.model
        self._outputs = outputs
        self.attempts: list[Attempt] = []
        self._start, self._is_moved = model.get_weights(), False
        self._forgets_at_most = forgets_at_most
        learned, self._old_held = _parted(old)
        self._old_before = self._answers(self._old_held)
        self.labelled = rows
        self._judged, self._before = rows, self._answers(rows)
        self._after = self._before
        source = None
        if reference is not None:
            source = reference.probabilities, reference.labels
        elif self._old_held is not None:
            source = self._predict(self._old_held), self._old_held.y
        self.case = Case(model, new, rows, learned, source, settings, outputs)

    @property
    def can_learn(self) -> bool:
        """Whether there are labels enough to learn and to judge."""
        return len(self.labelled) >= LEAST_LABELS

    def compare_images(self) -> None:
        """Finds whether old images can be made to look like new ones.

        That is told by what the model makes of them while it is as it was.
        """
        if self.can_learn:
            _ = self.case.likeness

    def fold_priors(self) -> None:
        """Tries new class frequencies; with labels, they decide."""
        begun, kept = time.perf_counter(), self.model.get_weights()
        reason = self._tried("priors", begun, _remedies.fold_priors)
        if reason is not None:
            self._decide("priors", begun, kept, reason)

    def move_statistics(self) -> None:
        """Tries other statistics; without labels, information decides."""
        begun, kept = time.perf_counter(), self.model.get_weights()
        step = self._tried(_MOVED, begun, _remedies.move_statistics)
        if step is None:
            return
        self._is_moved = step.is_kept
        if not step.is_kept or not self.can_learn:
            told = step.before, step.after, step.is_kept
            self._look()
            self._add(_MOVED, begun, *told, "information", reason=step.reason)
            return
        self._is_moved = self._decide(
            _MOVED, begun, kept, "no fewer labelled rows are right"
        )

    def _tried(self, name, begun, remedy):
        """Returns what a remedy says; `None`, and a note, if it cannot be."""
        try:
            return remedy(self.case)
        except NotTried as why:
            self._add(name, begun, reason=f"not tried: {why}")
            return None

    def _decide(self, name, begun, kept, reason):
        """Keeps what was done unless labels are against it."""
        before, after = self._look()
        is_kept = before is None or after >= before
        if not is_kept:
            self.model.set_weights(kept)
            self._after = self._before
            reason = "fewer labelled rows were right"
        self._add(name, begun, before, after, is_kept, reason=reason)
        return is_kept

    def try_each(
        self, names: tuple[str, ...], *, keeps_old: bool = False
    ) -> None:
        """Learns from half of the labels, judges by the rest, keeps one."""
        first, second = _halves(self.labelled.y, self.case.settings.seed)
        learned, held = self.labelled.take(first), self.labelled.take(second)
        trials = [self._unchanged("", learned, held)]
        is_left = self._is_moved and trials[0].drop > self._forgets_at_most
        if is_left:
            # Old rows are lost with the statistics: learn without them.
            moved = dataclasses.replace(trials[0], name=_MOVED)
            self.model.set_weights(self._start)
            trials = [self._unchanged("", learned, held), moved]
        base = trials[0].weights
        for name in names:
            self.model.set_weights(base)
            begun = time.perf_counter()
            try:
                trained, reason = _LEARNERS[name](
                    self.case, learned, self._judges(held)
                )
            except NotTried as why:
                self._add(name, begun, reason=f"not tried: {why}")
                continue
            trial = self._trial(name, held, trained)
            if name in HEADS:
                self.model.set_weights(base)
                HEADS[name](self.case, held)
                turned = self._trial(name, learned)
                trial = dataclasses.replace(trial, turned=turned)
            trials.append(trial)
            before, after = trials[0].accuracy, trial.accuracy
            self._add(name, begun, before, after, reason=reason)
        best = best_of(trials, self._forgets_at_most, keeps_old=keeps_old)
        order = second if best.turned is None else np.append(second, first)
        self._judged, self._before = (
            self.labelled.take(order),
            self._before[order],
        )
        self._after = best.all_answers
        self._keep(best, base, is_left=is_left)

    def _unchanged(self, name, learned, held):
        """Returns a trial of the model as it is, judged by both halves."""
        turned = self._trial(name, learned)
        return dataclasses.replace(self._trial(name, held), turned=turned)

    def _trial(self, name, held, trained=None):
        return Trial.of(
            name,
            self.model.get_weights(),
            trained,
            (self._predict(held), held.y),
            self._drop(),
        )

    def _drop(self):
        """Returns the accuracy on old rows that is lost; 0 without any."""
        if self._old_held is None:
            return 0.0
        y, now = self._old_held.y, self._answers(self._old_held)
        return float(np.mean(self._old_before == y) - np.mean(now == y))

    def _judges(self, held):
        """Returns what says how far trained weights go."""

        def right():
            return float(np.mean(self._answers(held) == held.y))

        def found(right):
            return worth(right, self._drop(), self._forgets_at_most)

        has_old = self._old_held is not None
        return _remedies.Judges(held, right, found if has_old else None)

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

    def verdict(self, *, judges_old: bool = True) -> Verdict | None:
        """Judges what was kept; `None` without labels.

        Args:
            judges_old: bool. Whether what is forgotten counts: not where the
                labels of old rows mean something else now.
        """
        if not len(self._judged):
            return None
        old = None
        if judges_old and self._old_held is not None:
            now = self._answers(self._old_held)
            old = (self._old_held.y, self._old_before, now)
        return judge_change(
            self._judged.y,
            self._before,
            self._after,
            old=old,
            forgets_at_most=self._forgets_at_most,
            chosen_from=self._judged_count(),
        )

    def _judged_count(self):
        """Returns how many remedies the labels have judged."""
        judged = [
            each
            for each in self.attempts
            if each.measure == "accuracy" and each.after is not None
        ]
        return max(1, len(judged))

    def _keep(self, best, base, *, is_left):
        """Has the chosen remedy learn from all labels."""
        names = [each.remedy for each in self.attempts]
        if is_left and best.name != _MOVED:
            reason = "too much is forgotten"
            self._change(names.index(_MOVED), is_kept=False, reason=reason)
        if best.name in ("", _MOVED):
            self.model.set_weights(best.weights)
            return
        begun, place = time.perf_counter(), names.index(best.name)
        if best.trained is None:
            self.model.set_weights(base)
            HEADS[best.name](self.case, self.labelled)
        else:
            self.model.set_weights(best.weights)
            _remedies.train_further(self.case, self.labelled, best.trained)
        seconds = self.attempts[place].seconds + time.perf_counter() - begun
        self._change(place, is_kept=True, seconds=seconds)

    def _change(self, place, **changes):
        self.attempts[place] = dataclasses.replace(
            self.attempts[place], **changes
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
        if self.result is self.model:
            return self._outputs.probabilities(rows.x)
        return predict(self.result, rows.x)  # it is wider

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


# What is solved at once, on few rows and then on all.
HEADS: dict[str, Callable] = {
    "head": _remedies.solve_head,
    "head, old and new": _remedies.solve_head_for_both,
}


def _solves(name):
    return lambda case, rows, judges: (None, HEADS[name](case, rows))


def _train(case, rows, judges):
    trained = _remedies.train_all(case, rows, judges)
    told = f"{case.settings.epochs} epochs"
    if case.likeness is not None:
        told += ", old rows made like new"
    if trained.ratio < 1:
        told += f", {trained.ratio:g} of the way"
    return trained, told


def _solve_and_train(case, rows, judges):
    _remedies.solve_head(case, rows)
    return _train(case, rows, judges)


_LEARNERS: dict[str, Callable] = {
    **{name: _solves(name) for name in HEADS},
    "all": _train,
    "head, then all": _solve_and_train,
}


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
