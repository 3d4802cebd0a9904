"""How many rows stand in more than one split?"""

from collections.abc import Hashable, Mapping, Sequence


def shared_rows(splits: Mapping[str, Sequence[Hashable]]) -> int:
    """Counts the rows of later splits that an earlier one holds, too.

    Args:
        splits: the rows of each split, in the order train, validation, test.

    Returns:
        int. What a model has seen of what it is judged on.

    Example:

    >>> aet_keras.data.shared_rows({"train": ["a", "b"], "test": ["b", "b"]})
    2
    """
    seen: set[Hashable] = set()
    count = 0
    for rows in splits.values():
        count += sum(row in seen for row in rows)
        seen.update(rows)
    return count
