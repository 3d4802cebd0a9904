"""Holds how important the features of a table are, and shows them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from aet_keras import _files
from aet_keras.evaluation import printed_text

_SHOWN = 10


@dataclass(frozen=True)
class FeatureImportance:
    """Holds how important a feature is, measured in two ways.

    Args:
        name: str. The column.
        attention: float or None. Share of the attention that it gets, mean
            of the rows; all features together get 1. None where the model
            does not use its attention.
        permutation: float. What ROC AUC loses when its cells are shuffled
            among the rows, mean of several times; may be below 0. NaN where
            it cannot be told, as of rows of one class.

    Example:

    >>> aet_keras.evaluation.features.FeatureImportance("age", 0.2, 0.013).name
    'age'
    """

    name: str
    attention: float | None
    permutation: float


def read_features(content: Iterable[Mapping]) -> tuple[FeatureImportance, ...]:
    """Returns the records that `asdict` wrote down, NaN for what is None.

    Args:
        content: what JSON holds of each.
    """
    return tuple(
        FeatureImportance(**_files.floats_of(FeatureImportance, each))
        for each in content
    )


def feature_lines(
    importance: Sequence[FeatureImportance],
    cost: str,
    shown: Callable[[float], str],
) -> Iterator[str]:
    """Yields a table of the first ten features, for 80 columns.

    Args:
        importance: sequence of `FeatureImportance`; nothing of none.
        cost: str. What shuffling a column costs, `"AUC lost"`.
        shown: function of that number that returns its text.
    """
    if not importance:
        return
    first, head = importance[:_SHOWN], f"{cost} when shuffled"
    names = printed_text.widest([f.name for f in first], most=40)
    names = max(names, len("feature"))
    yield ""
    yield f"{'feature':<{names}}  {head}  attention"
    for each in first:
        name = printed_text.fit(each.name, names)
        seen = "-" if each.attention is None else f"{each.attention:.3f}"
        yield f"{name}  {shown(each.permutation):>{len(head)}}  {seen:>9}"
    left = len(importance) - len(first)
    if left:
        yield f"and {left} more features, each with less"
