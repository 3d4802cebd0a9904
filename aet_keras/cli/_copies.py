"""Leaves out new rows that are copies of others: each row is proof once."""

from typing import Any

import keras

from aet_keras._wording import counted
from aet_keras.data.item_table import HAS_IMAGE
from aet_keras.replay.sums import sums_of_rows

# A text of so many words is not written twice by chance; `thank you` is.
_LEAST_WORDS = 8


def without_copies(asked: Any, rows: Any, kind: str) -> Any:
    """Leaves out copies of images, items and long texts, and says how many.

    A copy among the rows that judge a model is known to one that has learned
    the other, and would be proof of anything. The first row that has a label
    is kept. Rows of tables may be equal by chance, and stay.

    Args:
        asked: `Asked`.
        rows: `NewRows`, their classes read.
        kind: str. The kind of the version's data.

    Returns:
        `NewRows`; those that were given if none is a copy.
    """
    first: dict[bytes | str, int] = {}
    copies: set[int] = set()
    contrary: list[int] = []  # copies with another label
    for row, found in enumerate(_sums(rows, kind)):
        if found is None:
            continue
        earlier = first.setdefault(found, row)
        if earlier == row:
            continue
        if rows.classes[row] and not rows.classes[earlier]:
            first[found], row = row, earlier
        elif rows.classes[row] not in ("", rows.classes[earlier]):
            contrary.append(row)
        copies.add(row)
    if not copies:
        return rows
    noun = {"image": "image", "text": "text"}.get(kind, "item")
    what = counted(len(copies), f"{noun} is", f"{noun}s are")
    verb = "a copy of another" if len(copies) == 1 else "copies of others"
    asked.say(
        f"{asked.owner}: {what} {verb}, and left out: each counts once, such "
        f"as {rows.names[min(copies)]}."
    )
    if contrary:
        have = counted(len(contrary), "of them has", "of them have")
        asked.say(
            f"{asked.owner}: {have} another label than the one that is kept, "
            f"such as {rows.names[contrary[0]]}: one of both is wrong."
        )
    kept = [row for row in range(rows.count) if row not in copies]
    return rows.take(kept)


def _sums(rows, kind):
    """Returns a sum of each row, or None of what may be equal by chance."""
    if kind == "text":
        return [
            text if len(text.split()) >= _LEAST_WORDS else None
            for text in rows.texts
        ]
    if kind not in ("image", "item") or rows.x is None:
        return [None] * rows.count
    sums = sums_of_rows(keras.tree.flatten(rows.x))
    if kind == "image":
        return sums
    has_image = rows.x[HAS_IMAGE]
    return [s if h else None for s, h in zip(sums, has_image, strict=True)]
