"""How does a person read what is recommended?"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

_USUAL = 10


def is_recommender(version: Any) -> bool:
    """Whether a loaded version knows what to recommend."""
    return "top_k" in version.signatures


def recommend(
    version: Any, users: Sequence[str], *, top: int | None, as_json: bool
) -> Iterator[str]:
    """Yields a line a user: the items that are recommended, the best first.

    Args:
        version: `aet_keras.serving.LoadedVersion`.
        users: ids.
        top: how many items; 10 if None.
        as_json: whether a program reads the line.
    """
    import numpy as np

    arrays = {
        "user": np.array([user.encode() for user in users], object),
        "k": np.full(len(users), top or _USUAL, "int32"),
    }
    outputs = version.call("top_k", arrays)
    for place, user in enumerate(users):
        names = [item.decode() for item in outputs["items"][place] if item]
        ratings = outputs["ratings"][place].tolist()
        found = list(zip(names, ratings, strict=False))
        is_known = bool(outputs["is_known"][place])
        yield (_as_json if as_json else _as_text)(user, found, is_known)


def _as_json(user, found, is_known):
    items = [{"item": item, "rating": rating} for item, rating in found]
    return json.dumps({"user": user, "is_known": is_known, "items": items})


def _as_text(user, found, is_known):
    note = "" if is_known else " (not known: what is popular)"
    said = "; ".join(f"{item} {rating:.2f}" for item, rating in found)
    return f"{user}{note}  {said}"
