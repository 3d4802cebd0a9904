"""Tries remedies on a model, and keeps what labels say is better."""

import dataclasses
import time
from collections.abc import Callable

import numpy as np

from aet_keras.drift.gate import Verdict, judge_change
from aet_keras.training import _remedies
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
        return len(self.labelled) >= LEAST_LABELS

    def compare_images(self) -> None:
        """Finds whether old images can be made to look like new ones.

        That is told by what the model makes of them while it is as it was.
        """
        if self.can_learn:
            _ = self.case.likeness

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

    def try_each(
        self, names: tuple[str, ...], *, keeps_old: bool = False
    ) -> None:
        """Learns from half of the labels, judges by the rest, keeps one."""
        first, second = _halves(self.labelled.y, self.case.settings.seed)
        learned, held = self.labelled.take(first), self.labelled.take(second)
        trials = [self._trial("", held)]
        is_left = self._is_moved and trials[0].drop > self._forgets_at_most
        if is_left:
            # Old rows are lost with the statistics: learn without them.
            moved = dataclasses.replace(trials[0], name=_MOVED)
            self.model.set_weights(self._start)
            trials = [self._trial("", held), moved]
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
            trials.append(self._trial(name, held, trained))
            before, after = trials[0].accuracy, trials[-1].accuracy
            self._add(name, begun, before, after, reason=reason)
        best = best_of(trials, self._forgets_at_most, keeps_old=keeps_old)
        self._judged, self._before = held, self._before[second]
        self._after = best.answers
        self._keep(best, base, is_left=is_left)

    def _trial(self, name, held, trained=None):
        answers = self._answers(held)
        right = answers == held.y
        weights = self.model.get_weights()
        return Trial(name, weights, trained, answers, right, self._drop())

    def _drop(self):
        """Returns the accuracy on old rows that is lost; 0 without any."""
        if self._old_held is None:
            return 0.0
        y, now = self._old_held.y, self._answers(self._old_held)
        return float(np.mean(self._old_before == y) - np.mean(now == y))

    def _judges(self, held):
        """Returns what says how far trained weights go."""
        if self._old_held is None:
            return _remedies.Judges(held, None)

        def found():
            right = float(np.mean(self._answers(held) == held.y))
            return worth(right, self._drop(), self._forgets_at_most)

        return _remedies.Judges(held, found)

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
        )

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
            _remedies.solve_head(self.case, self.labelled)
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


@dataclasses.dataclass(frozen=True, eq=False)
class Trial:
    """Holds what a remedy learned from half of the labels.

    Args:
        name: str. The remedy; empty for none.
        weights: list of arrays. What it ended with.
        trained: optional `Trained`, where groups have trained.
        answers: ints `(rows,)`, of the labelled rows held out.
        is_right: bools `(rows,)`.
        drop: float. Accuracy lost on old rows held out; 0 without any.
    """

    name: str
    weights: list
    trained: _remedies.Trained | None
    answers: np.ndarray
    is_right: np.ndarray
    drop: float

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return float(np.mean(self.is_right))

    def is_better(self, other: "Trial") -> bool:
        """Says whether more is right, by a standard error of the difference."""
        more = int(np.sum(self.is_right)) - int(np.sum(other.is_right))
        return more > np.sqrt(np.sum(self.is_right != other.is_right))


def best_of(
    trials: list[Trial], forgets_at_most: float, *, keeps_old: bool
) -> Trial:
    """Returns the trial to keep, the first being to do nothing.

    What is not better than that by a standard error is left out. If old rows
    are to be kept, it is the one with the highest worth. If not, the best of
    those that forget no more than is allowed, if it brings half of what the
    best of all brings; else that one. The earlier of equals.
    """
    nothing = trials[0]
    trials = [nothing, *(each for each in trials if each.is_better(nothing))]
    if keeps_old:
        return max(
            trials,
            key=lambda each: worth(each.accuracy, each.drop, forgets_at_most),
        )
    best = max(trials, key=lambda each: each.accuracy)
    enough = (nothing.accuracy + best.accuracy) / 2
    allowed = [
        each
        for each in trials
        if each.drop <= forgets_at_most and each.accuracy >= enough
    ]
    if best is nothing:
        return nothing
    return max(allowed or [best], key=lambda each: each.accuracy)


def worth(accuracy: float, drop: float, forgets_at_most: float) -> float:
    """Returns accuracy less what is forgotten beyond what may be."""
    return accuracy - max(0.0, drop - forgets_at_most)


def _solve(case, rows, judges):
    return None, _remedies.solve_head(case, rows)


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
    "head": _solve,
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
