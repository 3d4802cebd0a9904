"""Defines what all policies have in common."""

import copy
import dataclasses
import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar

from aet_keras import _check as check
from aet_keras.policies.decision import Decision
from aet_keras.policies.progress import Progress

_CHECK, _CAN_BE_NONE = "check", "can_be_none"


def option(
    default: Any, checked: Callable, *, can_be_none: bool = False, **limits: Any
) -> Any:
    """Returns a field of a policy that is a dataclass.

    Args:
        default: its value where none is given.
        checked: a check of `_check`, which returns the value or refuses it.
        can_be_none: bool. Whether `None` passes unchecked.
        **limits: what `checked` takes, such as `least=0`.
    """
    checked = functools.partial(checked, **limits)
    metadata = {_CHECK: checked, _CAN_BE_NONE: can_be_none}
    return dataclasses.field(default=default, metadata=metadata)


class Policy:
    """Turns `Progress` into a `Decision`; knows no model and no clock.

    A subclass keeps each constructor argument as an attribute of the same
    name, lists what training teaches it in `start_state`, and decides. Ours
    are dataclasses: `option` makes a field that is checked.

    State:
        One JSON dict, apart from the config: `get_state()` returns it,
        `set_state(state)` resumes the same decisions, `reset()` starts again.

    Attributes:
        needs: frozenset of str. Statistics it reads from `Progress.arrays`.
        every_batches: int. Also decide after this many batches; 0 means at the
            ends of epochs only.

    Example:

    >>> class FreezeAll(aet_keras.policies.Policy):
    ...     def decide(self, progress):
    ...         frozen = (False,) * len(progress.trainable)
    ...         return aet_keras.policies.Decision(trainable=frozen)
    >>> progress = aet_keras.policies.Progress(trainable=(True,))
    >>> FreezeAll().decide(progress).trainable
    (False,)
    """

    needs: frozenset[str] = frozenset()
    every_batches: int = 0
    start_state: ClassVar[dict[str, Any]] = {}

    def __post_init__(self) -> None:
        """Checks the fields of a subclass that is a dataclass."""
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            checked = field.metadata.get(_CHECK)
            value = getattr(self, field.name)
            is_left_out = value is None and field.metadata.get(_CAN_BE_NONE)
            if checked is not None and not is_left_out:
                setattr(self, field.name, checked(self, **{field.name: value}))

    def decide(self, progress: Progress) -> Decision:
        """Returns what should change, given how far the run has come."""
        raise TypeError(
            f"{type(self).__name__}: a policy must define `decide(progress)`."
        )

    def judge(self, logs: Mapping[str, float]) -> bool:
        """Says whether the weights of this moment are the best so far.

        Called at the end of each epoch, and with the validation figures of a
        head that was solved. Where it returns True the weights are kept, and
        a later `Decision(undo=True)` brings them back.

        Args:
            logs: dict from str to float. Figures of the present weights.

        Returns:
            bool. `False` for policies that never undo anything.
        """
        return False

    def finish(self, progress: Progress) -> Decision:
        """Returns what should change once the last epoch has ended.

        Where a callback keeps the best weights it is not asked.
        """
        return Decision()

    @property
    def state(self) -> dict[str, Any]:
        """What training has taught this policy; changed in place."""
        if "_state" not in self.__dict__:
            self.reset()
        return self._state

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self.set_state(state)

    def get_state(self) -> dict[str, Any]:
        """Returns what training has taught this policy, as one JSON dict."""
        return copy.deepcopy(self.state)

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Brings back what `get_state` returned.

        Raises:
            ValueError: if an entry is missing or not known.
        """
        check.entries(
            self,
            state,
            self.start_state,
            advice="It was saved by another policy.",
        )
        self._state = copy.deepcopy(dict(state))

    def reset(self) -> None:
        """Forgets all that earlier training has taught."""
        self._state = copy.deepcopy(self.start_state)

    def get_config(self) -> dict[str, Any]:
        """Returns exactly the constructor's arguments."""
        names = inspect.signature(type(self)).parameters
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Policy":
        """Makes a policy from what `get_config` returned."""
        return cls(**config)

    def __repr__(self):
        signature = inspect.signature(type(self)).parameters
        differing = [
            f"{name}={value!r}"
            for name, value in self.get_config().items()
            if value != signature[name].default
        ]
        return f"{type(self).__name__}({', '.join(differing)})"


def check_policy(
    owner: Any, policy: Policy, *, gathered: Collection[str], advice: str
) -> Policy:
    """Returns a policy if a callback gathers all the figures that it needs.

    Args:
        owner: the callback.
        policy: what the user gave.
        gathered: names of the figures.
        advice: str. What else can be done about another policy.
    """
    check.instance(owner, of=Policy, policy=policy)
    unknown = policy.needs - set(gathered)
    if unknown:
        listed = ", ".join(f"`{name}`" for name in sorted(gathered))
        raise ValueError(
            f"{check.owner_name(owner)}: it gathers {listed}, and a policy "
            f"must need no more. Received: {type(policy).__name__}, which "
            f"needs {sorted(unknown)}. Give it another policy, {advice}."
        )
    return policy
