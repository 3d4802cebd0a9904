"""Says what is tried for each kind of shift."""

from collections.abc import Callable

from aet_keras.training._trials import LEAST_LABELS

# To prove a gain of 10 points where 3 answers of 10 differ: 2.7 * 0.3 / 0.1^2.
_PROVE = {"classes": ", and about 81 prove a gain of 10 points"}


def _answer_none(run):
    said = "nothing has changed, and nothing was tried"
    if run.can_learn:
        said += "; to learn from these rows all the same, fit with `--from`"
    return said


def _answer_label(run):
    run.fold_priors()
    return _said(run)


def _answer_input(run):
    run.compare_images()
    run.move_statistics()
    if run.can_learn:
        # Old inputs mean what they did. Where labels have changed instead,
        # old answers may be wrong, and are not to be kept.
        run.try_each((*run.heads, "all"), keeps_old=True)
    elif run.kind.name != "classes":
        return _needs_labels(run, "what helps is told by labels alone")
    return _said(run)


def _answer_output(run):
    if not run.can_learn:
        return _needs_labels(run, "what labels mean now is told by them alone")
    run.try_each(run.heads_of_new)
    return _said(run)


def _answer_classes(run):
    run.widen()
    return _said(run)


def _answer_unexplained(run):
    if not run.can_learn:
        return _needs_labels(run, "it is not known what has changed")
    run.compare_images()
    run.move_statistics()
    run.try_each((*run.heads, "all", *_LAST.get(run.kind.name, ())))
    return _said(run)


# Where classes are called by other names, groups learn these anew.
_LAST = {"classes": ("head, then all",)}
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
        f"label, at least {LEAST_LABELS} are learned from"
        f"{_PROVE.get(run.kind.name, '')}"
    )
