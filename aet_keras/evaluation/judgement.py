"""Says in words where a model is not better than its baselines."""

import numpy as np

from aet_keras._wording import counted, listed
from aet_keras.evaluation import printed_text
from aet_keras.evaluation.baseline import (
    MOST_NAME,
    compare_with_baselines,
    figure_text,
    named,
)
from aet_keras.evaluation.classification import Classification
from aet_keras.evaluation.rating_scores import Recommendation
from aet_keras.evaluation.regression import Regression
from aet_keras.evaluation.risk import Risk
from aet_keras.evaluation.tag_scores import Tagging, never_found

_EQUAL = 1e-3  # of an error


def judge(
    test: Classification | Recommendation | Regression | Tagging,
    risk: Risk | None = None,
) -> str:
    """Says in words where a model is not better than its baselines.

    Args:
        test: `Classification`, `Recommendation`, `Regression` or `Tagging`.
        risk: optional `Risk` of the same rows.

    Returns:
        One to three sentences; `""` if the model is better in every figure
        and recognises every class.

    Example:

    >>> scores = aet_keras.evaluation.measure_classification(
    ...     [0] * 8 + [1] * 2, [[0.9, 0.1]] * 10, class_names=["hat", "shoe"]
    ... )
    >>> aet_keras.evaluation.judgement.judge(scores).partition(".")[0]
    'The model is of no use: it calls every row `hat`'
    """
    baselines = compare_with_baselines(test, risk)
    if isinstance(test, Recommendation):
        sentences = _judge_ratings(test, baselines)
    elif isinstance(test, Regression):
        sentences = _judge_numbers(test, baselines)
    elif isinstance(test, Tagging):
        sentences = _judge_tags(test, baselines)
    else:
        sentences = _judge_classes(test, baselines)
    return " ".join(sentences)


def _judge_tags(test, baselines):
    behind = [each for each in baselines if not each.is_better]
    if behind and len(behind) == len(baselines):
        yield "The model is not shown to be better than no model."
    for each in behind:
        is_worse = each.value < each.baseline
        relation = "worse than" if is_worse else "not shown to beat"
        yield (
            f"Its {each.figure} is {relation} that of {each.name} "
            f"({each.value:.4f} and {each.baseline:.4f}, "
            f"{counted(test.count, 'test row')})."
        )
    missed = never_found(test)
    if missed:
        yield missed


def _judge_numbers(test, baselines):
    behind = [each for each in baselines if not each.is_better]
    if behind and len(behind) == len(baselines):
        is_worse = any(each.value >= each.baseline for each in behind)
        known = "better" if is_worse else "shown to be better"
        yield f"The model is not {known} than no model."
    for each in behind:
        relation = "not shown to beat"
        if each.value > each.baseline:
            relation = "worse than"
        elif np.isclose(each.value, each.baseline, rtol=_EQUAL):
            relation = "as good as"
        yield (
            f"Its error is {relation} that of {each.name} (RMSE "
            f"{figure_text(each.value)} and {figure_text(each.baseline)}, "
            f"{counted(test.count, 'test row')})."
        )


def _judge_ratings(test, baselines):
    behind = [each for each in baselines if not each.is_better]
    # Of interactions, one of the baselines is a model of neighbours.
    is_rated = test.rmse is not None
    if is_rated and behind and len(behind) == len(baselines):
        yield "The model is not better than no model."
    for each in behind:
        what = "ratings" if each.figure == "RMSE" else "ranking"
        relation = "worse than" if _is_worse(each) else "not shown to beat"
        yield (
            f"Its {what} {'are' if what == 'ratings' else 'is'} {relation} "
            f"{_article(each.name)} ({each.figure} {each.value:.4f} and "
            f"{each.baseline:.4f})."
        )


def _article(name):
    return {"biases": "biases of users and items"}.get(name, f"the {name}")


def _is_worse(each):
    if each.figure == "RMSE":
        return each.value >= each.baseline
    return each.value <= each.baseline


def _judge_classes(test, baselines):
    counts = [score.count for score in test.per_class]
    called = np.sum(test.confusion_matrix, axis=0)
    if np.count_nonzero(counts) == 1:
        yield (
            f"All rows are of `{named(test, int(np.argmax(counts)))}`: whether "
            "the model is better than none cannot be seen from them."
        )
        return
    only = int(called.argmax()) if np.count_nonzero(called) == 1 else None
    if not any(each.is_better for each in baselines):
        yield from _judge_useless(test, baselines, only)
    else:
        yield from _judge_partly(test, baselines, only)
        yield from _not_cheaper(baselines)
    if only is None:
        yield from _never_recognised(test)


def _judge_useless(test, baselines, only):
    accuracy, balanced = baselines[:2]
    most = int(np.argmax([score.count for score in test.per_class]))
    if only is not None:
        called = named(test, only)
        yield f"The model is of no use: it calls every row `{called}`."
        if only == most:
            yield (
                "That needs no model, and is right for "
                f"{accuracy.baseline:.3f} of the rows, because so many are "
                "of that class."
            )
        else:
            yield (
                f"To call every row `{named(test, most)}` is right more often, "
                f"for {accuracy.baseline:.3f} of them."
            )
        return
    if accuracy.value <= accuracy.baseline:
        yield (
            "The model is not better than no model: to call every row "
            f"`{named(test, most)}` is right for {accuracy.baseline:.3f} of "
            f"the rows, the model for {accuracy.value:.3f}; its balanced "
            f"accuracy is {balanced.value:.3f}, by chance "
            f"{balanced.baseline:.3f}."
        )
        return
    yield (
        "The model is not shown to be better than no model: on "
        f"{counted(test.count, 'test row')} the difference can be chance. "
        "Test on more."
    )


def _judge_partly(test, baselines, only):
    accuracy, others = baselines[0], baselines[1:]
    if only is not None:
        yield f"The model calls every row `{named(test, only)}`."
    if accuracy.is_better:
        return
    better = [each for each in others if each.is_better]
    known = " and ".join(
        f"{each.figure} ({each.value:.3f}, {_by(each)} {each.baseline:.3f})"
        for each in better
    )
    most = int(np.argmax([score.count for score in test.per_class]))
    relation = (
        "lower than" if accuracy.value < accuracy.baseline else "equal to"
    )
    if accuracy.value > accuracy.baseline:
        relation = "not shown to be above"
    yield (
        f"Accuracy ({accuracy.value:.3f}) is {relation} that of calling every "
        f"row `{named(test, most)}` ({accuracy.baseline:.3f}); what the model "
        f"knows shows in {known}."
    )


def _not_cheaper(baselines):
    for each in baselines:
        if each.figure == "mean cost" and not each.is_better:
            is_less = each.value < each.baseline
            relation = "not shown to be below" if is_less else "not below"
            yield (
                f"Its mean cost ({each.value:.3f}) is {relation} that of "
                f"{each.name} ({each.baseline:.3f})."
            )


def _by(each):
    return "by chance" if each.name == "chance" else "without a model"


def _never_recognised(test):
    missed = [each for each in test.per_class if each.count and not each.recall]
    if not missed:
        return
    names = (
        f"`{printed_text.cut_middle(each.name, MOST_NAME)}` ({each.count})"
        for each in missed
    )
    yield f"No row is recognised of {listed(names)}."
