"""How does a recipe become a file, and a file a recipe?"""

import dataclasses
import json
import os
import pathlib
from typing import Any, Self

from aet_keras import _check as check


@dataclasses.dataclass(frozen=True)
class WrittenDown:
    """Saves the arguments of a recipe as JSON, and reads them again.

    A recipe is a frozen dataclass on top of it.

    Example:

    >>> recipe = aet_keras.training.Recipe("digits", epochs=3)
    >>> aet_keras.training.Recipe(**recipe.to_json()) == recipe
    True
    """

    def to_json(self) -> dict[str, Any]:
        """Returns the arguments as a dict that JSON can hold."""
        return dataclasses.asdict(self)

    def save(self, path: str | os.PathLike) -> None:
        """Writes the arguments down as JSON, the whole file or nothing."""
        from aet_keras.evaluation import _files  # late: the room loads Keras

        text = json.dumps(self.to_json(), indent=2)
        _files.write_whole(path, f"{text}\n".encode())

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Reads what `save` wrote, or a person.

        Raises:
            ValueError: if the file is no JSON object, or names what a recipe
                does not have.
            OSError: if it cannot be read.
        """
        content = read_json(path)
        names = [field.name for field in dataclasses.fields(cls)]
        for name in content:
            check.known(
                cls.__name__, among=names, kind="recipe entry", name=name
            )
        return cls(**content)


def read_json(path: str | os.PathLike) -> dict[str, Any]:
    """Returns what a file says of a recipe, whatever kind that is."""
    text = pathlib.Path(path).read_text(encoding="utf-8")
    try:
        content = json.loads(text)
    except ValueError as error:
        raise ValueError(
            f"Recipe: a recipe must be a JSON file, as `recipe.json` in a "
            f"published folder is. Received: {path}, with {error}."
        ) from error
    if not isinstance(content, dict) or "data" not in content:
        raise ValueError(
            "Recipe: a recipe must be one JSON object that says at least "
            f"its `data`. Received: {path}. Compare `recipe.json` in a "
            "published folder."
        )
    return content
