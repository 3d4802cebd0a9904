"""Tries remedies on a model, and keeps what labels say is better."""

import dataclasses
import time
from collections.abc import Callable

import numpy as np

from aet_keras.drift.gate import Verdict, judge_change
from aet_keras.training import _remedies
from aet_keras.training._remedies import Case, NotTried

_LEAST_LABELS = 20
_MOST_HELD = 500
_MOST_JUDGES = 200
# Trains all groups without the statistics that were moved before.
_FROM_START = "all, not moved"
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


class Run:
    """Tries remedies on a model, and keeps what is better."""

    def __init__(
        self, model, new, rows, old, settings, forgets_at_most, reference
    ):
        self.model = self.result = model
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
        self._is_moved = step.is_kept
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
        self._is_moved = is_kept
        self._add("statistics", begun, before, after, is_kept, reason=reason)

    def try_each(self, names: tuple[str, ...]) -> None:
        """Learns from half of the labels, judges by the rest, keeps one."""
        first, second = _halves(self.labelled.y, self.case.settings.seed)
        learned, held = self.labelled.take(first), self.labelled.take(second)
        base = self.model.get_weights()
        trials = [self._trial("", base, 1.0, held)]
        if self._is_moved and self._old_held is not None:
            names = (*names, _FROM_START)
        for name in names:
            weights = self._start if name == _FROM_START else base
            self.model.set_weights(weights)
            begun = time.perf_counter()
            try:
                ratio, reason = _LEARNERS[name](
                    self.case, learned, self._judges(held), None
                )
            except NotTried as why:
                self._add(name, begun, reason=f"not tried: {why}")
                continue
            trials.append(self._trial(name, weights, ratio, held))
            before, after = trials[0].accuracy, trials[-1].accuracy
            self._add(name, begun, before, after, reason=reason)
        best = _best(trials)
        self._judged, self._before = held, self._before[second]
        self._after = best.answers
        self.model.set_weights(best.weights)
        if best.name:
            self._keep(best)

    def _trial(self, name, weights, ratio, held):
        answers = self._answers(held)
        old = 0.0
        if self._old_held is not None:
            now = self._answers(self._old_held)
            old = float(np.mean(now == self._old_held.y))
        return _Trial(name, weights, ratio, answers, answers == held.y, old)

    def _judges(self, held):
        """Returns what says how far weights go: new rows, and as much old."""
        if self._old_held is None:
            return held.x, held.y, np.ones(len(held))
        stride = -(-len(self._old_held) // _MOST_JUDGES)
        old = self._old_held.take(slice(None, None, stride))
        both = held.joined(old)
        shares = np.repeat(
            [0.5 / len(held), 0.5 / len(old)], [len(held), len(old)]
        )
        return both.x, both.y, shares * len(both)

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

    def _keep(self, best):
        """Has the chosen remedy learn from all labels."""
        names = [each.remedy for each in self.attempts]
        place = names.index(best.name)
        if best.name == _FROM_START:
            moved = names.index("statistics")
            self.attempts[moved] = dataclasses.replace(
                self.attempts[moved], is_kept=False, reason="training is better"
            )
        begun = time.perf_counter()
        _LEARNERS[best.name](self.case, self.labelled, None, best.ratio)
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


@dataclasses.dataclass(frozen=True)
class _Trial:
    """Holds what a remedy learned from half of the labels.

    Args:
        name: str. The remedy; empty for none.
        weights: list of arrays. What it began with.
        ratio: float from 0 to 1. How far its weights went.
        answers: ints `(rows,)`, of the labelled rows held out.
        is_right: bools `(rows,)`.
        old: float. Accuracy on old rows held out; 0 without any.
    """

    name: str
    weights: list
    ratio: float
    answers: np.ndarray
    is_right: np.ndarray
    old: float

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return float(np.mean(self.is_right))


def _best(trials):
    """Returns the trial to keep, the first being to do nothing.

    Of those within a standard error of the best, the one that has forgotten
    least; without old rows, the best.
    """
    better = [each for each in trials if each.accuracy > trials[0].accuracy]
    if not better:
        return trials[0]
    top = max(better, key=lambda each: each.accuracy)
    close = [
        each
        for each in better
        if top.accuracy - each.accuracy
        <= np.sqrt(np.sum(each.is_right != top.is_right)) / len(top.is_right)
    ]
    return max(close, key=lambda each: (each.old, each.accuracy))


def _solve(case, rows, judges, ratio):
    return 1.0, _remedies.solve_head(case, rows)


def _train(case, rows, judges, ratio):
    ratio = _remedies.train_all(case, rows, judges=judges, ratio=ratio)
    told = "" if ratio == 1.0 else f", {ratio:g} of the way"
    return ratio, f"{case.settings.epochs} epochs{told}"


def _solve_and_train(case, rows, judges, ratio):
    _remedies.solve_head(case, rows)
    return _train(case, rows, judges, ratio)


_LEARNERS: dict[str, Callable] = {
    "head": _solve,
    "all": _train,
    "head, then all": _solve_and_train,
    _FROM_START: _train,
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


ANSWERS: dict[str, Callable] = {
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
