"""Keeps old names working for one version, with a warning."""

import functools
import importlib
import operator
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

_Called = TypeVar("_Called", bound=Callable[..., Any])


def renamed(
    owner: str,
    names: Mapping[str, str] | None = None,
    *,
    moved: Mapping[str, Iterable[str]] | None = None,
) -> Callable[[str], object]:
    """Returns a module's `__getattr__` that finds names which have moved.

    Args:
        owner: str. `__name__` of the module that had the names.
        names: mapping from an old name to the whole path of the new one, for
            example `{"Uncertainty": "aet_keras.layers.Uncertainty"}`.
        moved: mapping from a module to the names that are there now,
            unchanged. The module is one below `owner`, or a whole path.

    Example:

    ```python
    __getattr__ = renamed(__name__, {"Old": "aet_keras.layers.New"})
    ```
    """
    names = dict(names or {})
    for module, those in (moved or {}).items():
        is_whole = module.startswith("aet_keras.")
        start = module if is_whole else f"{owner}.{module}"
        names |= {name: f"{start}.{name}" for name in those}

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


def renamed_members(names: Mapping[str, str]) -> Callable[[Any, str], object]:
    """Returns a class's `__getattr__` that finds members which have moved.

    Args:
        names: mapping from an old name to the path of the new one, for
            example `{"take_noise": "measurements.take_noise"}`.
    """

    def find(self: Any, name: str) -> object:
        owner = type(self).__name__
        if name not in names:
            raise AttributeError(f"{owner!r} object has no attribute {name!r}")
        warnings.warn(
            f"`{owner}.{name}` is now `{owner}.{names[name]}`. The old name "
            "goes in 0.12.",
            DeprecationWarning,
            stacklevel=2,
        )
        return operator.attrgetter(names[name])(self)

    return find


def renamed_arguments(**names: str) -> Callable[[_Called], _Called]:
    """Returns a decorator that still takes the old names of arguments.

    Args:
        **names: the new name of each old one.

    Example:

    ```python
    @renamed_arguments(pictures="images")
    def convert(model, *, images=None): ...
    ```
    """

    def decorate(function: _Called) -> _Called:
        @functools.wraps(function)
        def call(*args, **kwargs):
            owner = function.__qualname__.removesuffix(".__init__")
            for old in names.keys() & kwargs.keys():
                new = names[old]
                if new in kwargs:
                    raise TypeError(
                        f"{owner}: `{new}` must be given once, because "
                        f"`{old}` is its old name. Received: both. Drop "
                        f"`{old}`."
                    )
                warnings.warn(
                    f"`{owner}({old}=)` is now `{owner}({new}=)`. The old "
                    "name goes in 0.12.",
                    DeprecationWarning,
                    stacklevel=2,
                )
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return cast(_Called, call)

    return decorate
