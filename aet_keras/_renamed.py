"""Keeps the old names of a module working for one version, with a warning."""

import importlib
import warnings
from collections.abc import Callable, Mapping


def renamed(owner: str, names: Mapping[str, str]) -> Callable[[str], object]:
    """Returns a module's `__getattr__` that finds names which have moved.

    Args:
        owner: str. `__name__` of the module that had the names.
        names: mapping from an old name to the whole path of the new one, for
            example `{"Uncertainty": "aet_keras.layers.Uncertainty"}`.

    Example:

    ```python
    __getattr__ = renamed(__name__, {"Old": "aet_keras.layers.New"})
    ```
    """

    def find(name: str) -> object:
        if name not in names:
            raise AttributeError(f"module {owner!r} has no attribute {name!r}")
        path = names[name]
        warnings.warn(
            f"`{owner}.{name}` is now `{path}`. The old name goes in 0.12.",
            DeprecationWarning,
            stacklevel=2,
        )
        module, _, attribute = path.rpartition(".")
        return getattr(importlib.import_module(module), attribute)

    return find
