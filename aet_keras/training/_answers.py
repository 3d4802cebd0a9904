"""Says what is tried for each kind of shift."""

from collections.abc import Callable

from aet_keras.training._trials import HEADS, LEAST_LABELS

# To prove a gain of 10 points where 3 answers of 10 differ: 2.7 * 0.3 / 0.1^2.
_USUAL_LABELS = 81


def _answer_none(run):
    return "nothing has changed, and nothing was tried"


def _answer_label(run):
    run.fold_priors()
    return _said(run)


def _answer_input(run):
    run.compare_images()
    run.move_statistics()
    if run.can_learn:
        # Old inputs mean what they did. Where labels have changed instead,
        # old answers may be wrong, and are not to be kept.
        run.try_each((*HEADS, "all"), keeps_old=True)
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
    run.compare_images()
    run.move_statistics()
    run.try_each((*HEADS, "all", "head, then all"))
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
        f"label, at least {LEAST_LABELS} are learned from, and about "
        f"{_USUAL_LABELS} prove a gain of 10 points"
    )
