"""How is a policy inside another one written down and read back?"""

from typing import Any

from aet_keras import _check as check
from aet_keras.policies.policy import Policy


def to_config(policy: Policy) -> dict[str, Any]:
    """Returns the name of a policy's class and its config, as JSON takes it."""
    return {
        "class_name": type(policy).__name__,
        "config": policy.get_config(),
    }


def from_config(owner: str, data: dict[str, Any]) -> Policy:
    """Makes the policy that `to_config` described.

    Raises:
        ValueError: if no policy of that name has been imported.
    """
    classes = {cls.__name__: cls for cls in _subclasses(Policy)}
    name = check.known(
        owner, among=classes, kind="policy", then=data["class_name"]
    )
    return classes[name].from_config(data["config"])


def _subclasses(cls):
    for each in cls.__subclasses__():
        yield each
        yield from _subclasses(each)
