"""How does a person read what is recommended?"""

from collections.abc import Iterator, Sequence
from typing import Any

from aet_keras.cli._answers import item_lines

_USUAL = 10


def is_recommender(version: Any) -> bool:
    """Whether a loaded version knows what to recommend."""
    return "top_k" in version.signatures


def recommend(
    version: Any, users: Sequence[str], *, top: int | None, form: str
) -> Iterator[str]:
    """Yields a line a user: the items that are recommended, the best first.

    Args:
        version: `aet_keras.serving.LoadedVersion`.
        users: ids.
        top: how many items; 10 if None.
        form: str. How the line is written, as in `_answers`.
    """
    import numpy as np

    arrays = {
        "user": np.array([user.encode() for user in users], object),
        "k": np.full(len(users), top or _USUAL, "int32"),
    }
    outputs = version.call("top_k", arrays)
    answers = _answers_of(users, outputs)
    yield from item_lines(form, answers, top=top or _USUAL)


def _answers_of(users, outputs):
    for place, user in enumerate(users):
        names = [item.decode() for item in outputs["items"][place] if item]
        ratings = outputs["ratings"][place].tolist()
        found = list(zip(names, ratings, strict=False))
        yield user, bool(outputs["is_known"][place]), found
