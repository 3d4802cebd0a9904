"""Tries remedies on a model, and keeps what labels say is better."""

import dataclasses
import time

import numpy as np

from aet_keras.drift.gate import Verdict, judge_gains
from aet_keras.evaluation.regression import shown
from aet_keras.training import _remedies
from aet_keras.training._choice import Looks, Trial, best_of, worth
from aet_keras.training._head_remedies import BOTH, HEADS, solve_classes
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
        measure: str. On labelled rows that it has not learned `"accuracy"`;
            with `class_weight` `"balanced"` accuracy, or accuracy `"weighted"`
            by costs; of a number `"MAE"` in its unit, of tags `"F1"` of a row.
            Or `"information"`: of inputs and answers, in nats.
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

    def shown(self, figure: float | None) -> str:
        """Returns a figure for a person."""
        if figure is None:
            return "-"
        return shown(figure) if self.measure == "MAE" else f"{figure:.3f}"


class Run:
    """Tries remedies on a model, and keeps what is better."""

    def __init__(
        self,
        target,
        outputs,
        new,
        rows,
        old,
        settings,
        forgets_at_most,
        reference,
    ):
        self.model = self.result = model = target.model
        self.target, self.kind = target, target.kind
        self._outputs = outputs
        self.attempts: list[Attempt] = []
        self._start, self._is_moved = self._state(), False
        self._forgets_at_most = forgets_at_most
        learned, self._old_held = _parted(old)
        self._old_before = self._errors(self._old_held)
        self.labelled, self._looks = rows, Looks(len(rows))
        # Answers, not errors: in a half, classes weigh by the rows it has.
        self._answered = ()
        if len(rows):
            self._answered = target.answers(self._predict(rows))
        self._before = self._after = self._errors_before(np.arange(len(rows)))
        source = None
        if reference is not None:
            source = reference.probabilities, reference.labels
        elif self._old_held is not None:
            source = self._predict(self._old_held), self._old_held.y
        self.case = Case(
            model, new, rows, learned, source, settings, outputs, target
        )

    @property
    def can_learn(self) -> bool:
        """Whether there are labels enough to learn and to judge."""
        return len(self.labelled) >= LEAST_LABELS

    @property
    def heads(self) -> tuple[str, ...]:
        """What is solved at once, cheapest first."""
        return tuple(HEADS[self.kind.name])

    @property
    def heads_of_new(self) -> tuple[str, ...]:
        """What is solved on new rows alone."""
        return tuple(name for name in self.heads if name != BOTH)

    def compare_images(self) -> None:
        """Finds whether old images can be made to look like new ones.

        That is told by what the model makes of them while it is as it was.
        """
        if self.can_learn:
            _ = self.case.likeness

    def fold_priors(self) -> None:
        """Tries new class frequencies; with labels, they decide."""
        begun, kept = time.perf_counter(), self._state()
        reason = self._tried("priors", begun, _remedies.fold_priors)
        if reason is not None:
            self._decide("priors", begun, kept, reason)

    def move_statistics(self) -> None:
        """Tries other statistics; without labels, information decides."""
        if self.kind.name != "classes":
            return  # whether they help is told by probabilities of classes
        begun, kept = time.perf_counter(), self._state()
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
        if before is not None:
            self._looks.add((..., self._before, self._after))
        is_kept = before is None or after >= before
        if not is_kept:
            self._restore(kept)
            self._after = self._before
            reason = "fewer labelled rows were right"
        self._add(name, begun, before, after, is_kept, reason=reason)
        return is_kept

    def try_each(
        self, names: tuple[str, ...], *, keeps_old: bool = False
    ) -> None:
        """Learns from half of the labels, judges by the rest, keeps one."""
        first, second = self._halves()
        learned, held = self.labelled.take(first), self.labelled.take(second)
        heads, learners = HEADS[self.kind.name], self._learners()
        trials = [self._unchanged("", learned, held)]
        is_left = self._is_moved and trials[0].drop > self._forgets_at_most
        if is_left:
            # Old rows are lost with the statistics: learn without them.
            moved = dataclasses.replace(trials[0], name=_MOVED)
            self._restore(self._start)
            trials = [self._unchanged("", learned, held), moved]
        base = trials[0].weights, trials[0].state
        unit = trials[0].errors.mean()
        judges = self._judges(held, second, unit)
        for name in names:
            self._restore(base)
            begun = time.perf_counter()
            try:
                trained, reason = learners[name](self.case, learned, judges)
                trial = self._trial(name, held, trained)
                if name in heads:
                    self._restore(base)
                    heads[name](self.case, held)
                    turned = self._trial(name, learned)
                    trial = dataclasses.replace(trial, turned=turned)
            except NotTried as why:
                self._add(name, begun, reason=f"not tried: {why}")
                continue
            trials.append(trial)
            if trial.turned is not None:  # else its judges have looked
                pairs = (second, trial), (first, trial.turned)
                self._looks.add(
                    *((p, self._errors_before(p), t.errors) for p, t in pairs)
                )
            before, after = trials[0].figure, trial.figure
            self._add(name, begun, before, after, reason=reason)
        best = best_of(trials, self._forgets_at_most, keeps_old=keeps_old)
        self._before, self._after = self._errors_before(second), best.all_errors
        if best.turned is not None:
            turned = self._errors_before(first)
            self._before = np.append(self._before, turned)
        self._keep(best, base, is_left=is_left)

    def _unchanged(self, name, learned, held):
        """Returns a trial of the model as it is, judged by both halves."""
        turned = self._trial(name, learned)
        return dataclasses.replace(self._trial(name, held), turned=turned)

    def _trial(self, name, held, trained=None):
        return Trial(
            name,
            self.model.get_weights(),
            trained,
            *self.target.judged(self._predict(held), held.y),
            self._drop(),
            self.kind,
            self.target.state,
        )

    def _drop(self):
        """Returns what is lost on old rows; 0 without any."""
        if self._old_held is None:
            return 0.0
        now = self._errors(self._old_held)
        return -self.kind.mean_gain(self._old_before, now)

    def _judges(self, held, places, unit):
        """Returns what says how far trained weights go."""
        unit = unit if self.kind.is_error and unit > 0 else 1.0
        was = self._errors_before(places)

        def look():
            outputs = self._predict(held)
            errors, losses = self.target.judged(outputs, held.y)
            self._looks.add((places, was, errors))
            return -float(errors.mean()) / unit, float(losses.mean())

        def found(right):
            return worth(right, self._drop(), self._forgets_at_most)

        has_old = self._old_held is not None
        return _remedies.Judges(look, found if has_old else None)

    def widen(self) -> None:
        """Gives the head new classes."""
        begun = time.perf_counter()
        first, second = self._halves()
        held = self.labelled.take(second)
        try:
            self.result = _remedies.widen(self.case, self.labelled.take(first))
            self._before = self._errors_before(second)
            self._after = self._errors(held)
            self._looks.add((second, self._before, self._after))
            self.result = _remedies.widen(self.case, self.labelled)
        except NotTried as why:
            self._add("wider head", begun, reason=f"not tried: {why}")
            return
        before, after = map(self.kind.figure, (self._before, self._after))
        self._add(
            "wider head", begun, before, after, True, reason="new classes"
        )

    def verdict(self, *, judges_old: bool = True) -> Verdict | None:
        """Judges what was kept; `None` without labels.

        Args:
            judges_old: bool. Whether what is forgotten counts: not where the
                labels of old rows mean something else now.
        """
        if not len(self._before):
            return None
        pairs = [(self._before, self._after)]
        if judges_old and self._old_held is not None:
            pairs += [(self._old_before, self._errors(self._old_held))]
        many = self._looks.count
        gains = [self.kind.gain(*pair, chosen_from=many) for pair in pairs]
        return judge_gains(*gains, forgets_at_most=self._forgets_at_most)

    def _keep(self, best, base, *, is_left):
        """Has the chosen remedy learn from all labels."""
        names = [each.remedy for each in self.attempts]
        if is_left and best.name != _MOVED:
            reason = "too much is forgotten"
            self._change(names.index(_MOVED), is_kept=False, reason=reason)
        if best.name in ("", _MOVED):
            self._restore((best.weights, best.state))
            return
        begun, place = time.perf_counter(), names.index(best.name)
        if best.trained is None:
            self._restore(base)
            HEADS[self.kind.name][best.name](self.case, self.labelled)
        else:
            self._restore((best.weights, best.state))
            _remedies.train_further(self.case, self.labelled, best.trained)
        seconds = self.attempts[place].seconds + time.perf_counter() - begun
        self._change(place, is_kept=True, seconds=seconds)

    def _change(self, place, **changes):
        self.attempts[place] = dataclasses.replace(
            self.attempts[place], **changes
        )

    def _look(self):
        """Returns the measure of all labelled rows, before and now."""
        if not len(self.labelled):
            return None, None
        self._after = self._errors(self.labelled)
        return tuple(map(self.kind.figure, (self._before, self._after)))

    def _predict(self, rows):
        if self.result is self.model:
            return self._outputs.probabilities(rows.x)
        return predict(self.result, rows.x)  # it is wider

    def _errors(self, rows):
        if rows is None or not len(rows):
            return np.zeros(0)
        return self.target.errors(self._predict(rows), rows.y)

    def _errors_before(self, places):
        """Returns the errors of the model as it was, of labelled rows."""
        if not len(places):
            return np.zeros(0)
        return self.kind.errors(self._answered[places], self.labelled.y[places])

    def _state(self):
        return self.model.get_weights(), self.target.state

    def _restore(self, state):
        weights, self.target.state = state
        self.model.set_weights(weights)

    def _halves(self):
        """Divides row numbers so that each class is in both, if it can.

        Numbers and tags are divided by chance: halves that are alike in these
        would agree on an error of both.
        """
        labels, seed = self.labelled.y, self.case.settings.seed
        order = np.random.default_rng(seed).permutation(len(labels))
        if self.kind.name == "classes":
            order = order[np.argsort(labels[order], kind="stable")]
        return np.sort(order[::2]), np.sort(order[1::2])

    def _learners(self):
        solved = {name: _solves(h) for name, h in HEADS[self.kind.name].items()}
        return {**solved, "all": _train, "head, then all": _solve_and_train}

    def _add(
        self,
        remedy,
        begun,
        before=None,
        after=None,
        is_kept=False,
        measure=None,
        *,
        reason,
    ):
        measure = measure or self.kind.measure
        seconds = time.perf_counter() - begun
        self.attempts.append(
            Attempt(remedy, before, after, measure, is_kept, seconds, reason)
        )


def _solves(remedy):
    return lambda case, rows, judges: (None, remedy(case, rows))


def _train(case, rows, judges):
    trained = _remedies.train_all(case, rows, judges)
    told = f"{case.settings.epochs} epochs"
    if case.likeness is not None:
        told += ", old rows made like new"
    if trained.ratio < 1:
        told += f", {trained.ratio:g} of the way"
    return trained, told


def _solve_and_train(case, rows, judges):
    solve_classes(case, rows)
    return _train(case, rows, judges)


def _parted(old):
    """Holds every fourth row out, at most so many."""
    if old is None or len(old) < 4:
        return old, None
    stride = max(4, -(-len(old) // _MOST_HELD))
    is_held = np.arange(len(old)) % stride == 0
    return (old.take(np.nonzero(~is_held)[0]), old.take(np.nonzero(is_held)[0]))
