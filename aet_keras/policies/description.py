"""Writes a policy down as a dict, and reads it back."""

import inspect
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from aet_keras import _check as check
from aet_keras.policies.policy import Policy

_NAME = "policy"


def describe_policy(policy: Policy) -> dict[str, Any]:
    """Returns a policy as a dict that JSON can hold.

    Args:
        policy: `Policy`.

    Returns:
        dict with the name of its class under `"policy"`, and every argument
        of its constructor.

    Example:

    >>> thaw = aet_keras.policies.ThawAll(0.5)
    >>> list(aet_keras.policies.description.describe_policy(thaw).items())[:2]
    [('policy', 'ThawAll'), ('rate_ratio', 0.5)]
    """
    return {_NAME: type(policy).__name__, **policy.get_config()}


def read_policy(
    description: Mapping[str, Any],
    *,
    among: Collection[str] | None = None,
    owner: str = "read_policy",
) -> Policy:
    """Makes the policy that `describe_policy` described.

    Args:
        description: mapping with the name of a class under `"policy"` and
            arguments of its constructor; those left out have their defaults.
        among: optional names to choose from. Defaults to every policy that
            has been imported.
        owner: str. Who is asked for, in the sentences of what is raised.

    Returns:
        A new `Policy`.

    Raises:
        TypeError: if it is no mapping.
        ValueError: if there is no policy of that name, it has no such
            argument, or one is out of its range.

    Example:

    >>> description = {"policy": "ThawAll", "rate_ratio": 0.5}
    >>> aet_keras.policies.description.read_policy(description)
    ThawAll(rate_ratio=0.5)
    """
    if not isinstance(description, Mapping) or _NAME not in description:
        raise TypeError(
            f"{owner}: a policy must be written as a dict with its class's "
            f'name under "{_NAME}", next to its arguments. Received: '
            f"{check.shown(description)}. `policies.describe_policy(policy)` "
            "writes one."
        )
    config = {k: v for k, v in description.items() if k != _NAME}
    classes = {cls.__name__: cls for cls in _subclasses(Policy)}
    names = sorted(classes) if among is None else among
    policy_class = classes[
        check.known(owner, among=names, kind="policy", name=description[_NAME])
    ]
    for name in config:
        check.known(
            owner,
            among=tuple(inspect.signature(policy_class).parameters),
            kind=f"{policy_class.__name__} argument",
            name=name,
        )
    lacking = [
        each.name
        for each in inspect.signature(policy_class).parameters.values()
        if each.default is each.empty and each.name not in config
    ]
    if lacking:
        raise ValueError(
            f"{owner}: a {policy_class.__name__} must be given its "
            f"`{lacking[0]}`, because there is no usual one. Received: "
            f"{check.shown(description)}. Add it."
        )
    return policy_class.from_config(config)


def _subclasses(cls: type[Policy]) -> Iterator[type[Policy]]:
    for each in cls.__subclasses__():
        yield each
        yield from _subclasses(each)
