"""The search space: what is tuned together, and the recipe it gives."""

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any, Literal

import keras
import keras_tuner

from aet_keras import _check as check
from aet_keras import _regular_file, callbacks, policies, recipes
from aet_keras.tuning import _hyperparameters
from aet_keras.tuning._dimension import Dimension
from aet_keras.tuning._hyperparameters import DIMENSIONS, OF_CALLBACKS

_OTHERS = ("default", "fixed")


class ElasticSpace:
    """Says which numbers and policies are tuned, and within which bounds.

    A name is a field of `aet_keras.recipes.Recipe` (`learning_rate`,
    `batch_size`, `augment`, `dropout`, `head_units`, `attention`,
    `attention_ratio`, `train_batch_normalization`), `anchor` (`"none"` or
    `"l2_sp"`) and `anchor_strength`, `thaw` and `rate` (names of policies),
    or a number of a policy: `"ThawOnStall/patience_epochs"`. Numbers exist
    only where their policy, attention or anchor was chosen, as conditional
    scopes of KerasTuner. A name is given a value, a list of choices, or a
    range `{"min": .., "max": ..}` with `"step"` (between two values) or
    `"log": True`.

    Args:
        dimensions: optional mapping from names to what they may be.
        others: `"default"` or `"fixed"`. Whether names that are not given are
            tuned within their default bounds, or stay as the recipe has them.
            Defaults to `"default"`.

    Attributes:
        names: tuple of str, parents first.

    Raises:
        TypeError: if a value is of another kind than its name takes.
        ValueError: if a name is not known (the sentence has the nearest
            three), never applies, or may become what it must not be.

    Example:

    >>> import keras_tuner
    >>> space = aet_keras.tuning.ElasticSpace(
    ...     {"thaw": ["ThawAll"], "ThawAll/rate_ratio": [0.1, 0.3]},
    ...     others="fixed",
    ... )
    >>> values = space.declare(keras_tuner.HyperParameters())
    >>> values
    {'thaw': 'ThawAll', 'ThawAll/rate_ratio': 0.1}
    >>> base = aet_keras.recipes.Recipe("digits")
    >>> space.to_recipe(base, values).thaw
    {'policy': 'ThawAll', 'rate_ratio': 0.1}
    """

    def __init__(
        self,
        dimensions: Mapping[str, Any] | None = None,
        *,
        others: Literal["default", "fixed"] = "default",
    ):
        given = check.instance(self, of=Mapping, dimensions=dimensions or {})
        self.others = check.one_of(self, others=others, among=_OTHERS)
        kinds = _hyperparameters.kinds()
        for name in given:
            among = kinds.keys()
            check.known(self, kind="hyperparameter", among=among, name=name)
        described = {**(DIMENSIONS if others == "default" else {}), **given}
        made = [
            Dimension.read(name, kinds[name], described[name])
            for name in described
        ]
        for dimension in made:
            _hyperparameters.check_values(dimension)
        self.dimensions = _hyperparameters.reachable(made, given)
        self._given = tuple(given)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "ElasticSpace":
        """Reads a JSON file of names and the values they may take.

        Args:
            path: str or path-like. A JSON object as `dimensions`; its entry
                `"others"` is the argument of that name.

        Raises:
            OSError: if the file cannot be read.
            ValueError: if it is no JSON object, or says what is refused.
        """
        text = _regular_file.read_text("ElasticSpace", path, "a space")
        try:
            content = json.loads(text)
        except ValueError as error:
            raise _no_object(path, str(error)) from error
        except RecursionError as error:
            raise _no_object(path, "lists nested too deep") from error
        if not isinstance(content, dict):
            raise _no_object(path, type(content).__name__)
        try:
            return cls.from_json(content)
        except TypeError as error:
            raise ValueError(str(error)) from error

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "ElasticSpace":
        """Makes a space from what `to_json` returned."""
        described = {
            name: each for name, each in content.items() if name != "others"
        }
        return cls(described, others=content.get("others", "default"))

    @property
    def names(self) -> tuple[str, ...]:
        """What is tuned, parents first."""
        return tuple(self.dimensions)

    def to_json(self) -> dict[str, Any]:
        """Returns the whole space as `load` reads it, nothing left out."""
        described = {
            name: each.to_json() for name, each in self.dimensions.items()
        }
        return {"others": "fixed", **described}

    def of_callbacks(self, owner: str = "ElasticSpace") -> "ElasticSpace":
        """Returns the part of the space that callbacks need.

        Args:
            owner: str. Who asks.

        Raises:
            ValueError: if a name was given that only a recipe has.
        """
        kept = {
            name: each.to_json()
            for name, each in self.dimensions.items()
            if name in OF_CALLBACKS or "/" in name
        }
        lost = sorted(set(self._given) - set(kept))
        if lost:
            names = ", ".join(f"`{name}`" for name in lost)
            raise ValueError(
                f"{owner}: the space must hold {', '.join(OF_CALLBACKS)} and "
                "numbers of policies only, because the model and its data are "
                f"yours. Received: {names}. Tune them in your `build(hp)`."
            )
        return ElasticSpace(kept, others="fixed")

    def declare(self, hp: keras_tuner.HyperParameters) -> dict[str, Any]:
        """Declares all dimensions in conditional scopes.

        Args:
            hp: `keras_tuner.HyperParameters`.

        Returns:
            dict from the names that apply to the values that `hp` has.
        """
        found = {}
        for name, dimension in self.dimensions.items():
            parent, values = _hyperparameters.parent_of(name)
            if parent is None:
                found[name] = dimension.declare(hp)
                continue
            with hp.conditional_scope(parent, list(values)):
                found[name] = dimension.declare(hp)
        return {k: value for k, value in found.items() if value is not None}

    def to_recipe(
        self, base: recipes.Recipe, values: Mapping[str, Any]
    ) -> recipes.Recipe:
        """Returns a recipe with the values that `declare` returned.

        Args:
            base: `Recipe` with all that is not tuned.
            values: mapping from names to values.
        """
        changes = {
            k: value
            for k, value in values.items()
            if k in _hyperparameters.FIELDS
        }
        if "attention" in changes:
            changes.setdefault("attention_ratio", None)
        if "anchor" in values:
            changes["anchor_strength"] = _anchor_strength(values)
        for role in ("thaw", "rate"):
            if role in values:
                changes[role] = _policy(values[role], values)
        return dataclasses.replace(base, **changes)

    def make_callbacks(
        self, values: Mapping[str, Any]
    ) -> list[keras.callbacks.Callback]:
        """Returns new callbacks, made from the values.

        Args:
            values: mapping from names to values, as of `declare`.
        """
        made = []
        if "thaw" in values:
            policy = policies.description.read_policy(
                _policy(values["thaw"], values)
            )
            made.append(callbacks.ElasticFreezing(policy))
        if "rate" in values:
            policy = policies.description.read_policy(
                _policy(values["rate"], values)
            )
            made.append(callbacks.AdaptiveLearningRate(policy))
        strength = _anchor_strength(values)
        if strength is not None:
            made.append(callbacks.ElasticAnchor(strength))
        return made


def _policy(name, values):
    prefix = f"{name}/"
    numbers = {
        key.removeprefix(prefix): value
        for key, value in values.items()
        if key.startswith(prefix)
    }
    return {"policy": name, **numbers}


def _anchor_strength(values):
    if values.get("anchor", "none") == "none":
        return None
    return values.get("anchor_strength", callbacks.ElasticAnchor().strength)


def _no_object(path, received):
    return ValueError(
        "ElasticSpace: a space must be a JSON file with one object of names "
        f"and what they may be. Received: {path}, {received}. For example "
        '{"learning_rate": {"min": 0.0003, "max": 0.01, "log": true}, '
        '"augment": ["none", "flip"]}.'
    )
