"""Which classes does the target of a table have, and which is the risk?"""

from typing import Any

from aet_keras import _check as check
from aet_keras.data._names import by_number, check_one_line, read_names
from aet_keras.data.table_specification import TableSpecification
from aet_keras.errors import DataError

_MOST_CLASSES = 1000
_MOST_NUMBERS = 50  # of other values; more are measured, not named
_YES = ({"0", "1"}, {"no", "yes"}, {"false", "true"}, {"n", "y"})


def labelled(
    frame: Any, target: str, like: TableSpecification | None
) -> tuple[Any, list[str]]:
    """Returns the rows that have a target, and notes about the targets."""
    is_there = frame[target].notna()
    missing, notes = int((~is_there).sum()), []
    if missing:
        rows = "1 row has" if missing == 1 else f"{missing} rows have"
        notes = [f"{rows} no `{target}` and are left out."]
    frame = frame[is_there]
    if like is not None and set(frame[target]) <= set(like.class_names):
        return frame, notes
    names, said = read_names(frame[target])
    notes += [f"In `{target}` {each}." for each in said]
    return frame.assign(**{target: names}), notes


def class_names_of(
    owner: str, cells: Any, target: str, like: TableSpecification | None
) -> tuple[str, ...]:
    """Returns the classes in their order, or those of an earlier table."""
    names = tuple(sorted(cells.unique(), key=by_number))
    check_one_line(owner, f"target={target!r}", names)
    if like is not None:
        return _same_classes(owner, names, target, like)
    if len(names) < 2:
        what = f"`{names[0]}` in every row" if names else "no value at all"
        raise DataError(
            f"{owner}: the target must have at least two values, because "
            f"rows are told apart by it. Received: target={target!r}, with "
            f"{what}, cells such as `None` and `NA` left out. Name another "
            "column, or add rows of another value."
        )
    is_number = all(by_number(name)[0] == 0 for name in names)
    most = _MOST_NUMBERS if is_number else _MOST_CLASSES
    if len(names) > min(most, max(2, len(cells) // 2)):
        raise DataError(
            f"{owner}: the target must be a class, at most {most} of them in "
            f"at least twice as many rows. Received: target={target!r}, with "
            f"{len(names)} values in {len(cells)} rows. Cut it into ranges "
            "first, such as `high` and `low`."
        )
    return names


def _same_classes(owner, names, target, like):
    unknown = [name for name in names if name not in like.class_names]
    if unknown:
        raise DataError(
            f"{owner}: the target must have the classes of the earlier "
            f"model, {', '.join(like.class_names)}. Received: "
            f"target={target!r}, with `{unknown[0]}`. Rename its values, or "
            "train anew."
        )
    return like.class_names


def positive_of(
    owner: str,
    positive: str | None,
    cells: Any,
    class_names: tuple[str, ...],
    like: TableSpecification | None,
) -> str:
    """Returns the class whose probability is the risk."""
    if positive is not None:
        return check.one_of(owner, positive=positive, among=class_names)
    if like is not None:
        return like.positive
    counts = cells.value_counts()
    lowered = {name.lower() for name in class_names}
    for pair in _YES:
        if lowered == pair:
            # `Yes` and `yes` are two classes, of which one is the risk.
            yes = [n for n in class_names if n.lower() == max(pair)]
            return max(yes, key=lambda name: counts[name])
    return min(class_names, key=lambda name: counts[name])
