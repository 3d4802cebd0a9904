"""Checks what must hold for every policy."""

import copy
import inspect
import json

import numpy as np

from aet_keras import policies

# Validation losses: a fall, a rise, a stall, none, a NaN, a fall.
LOSSES = (0.9, 0.5, 0.7, 0.7, None, 0.69, float("nan"), 0.4)
EPOCHS = len(LOSSES)


def check_policy(cls, kwargs):
    """Fails unless `cls(**kwargs)` is a policy that any run can trust.

    Args:
        cls: the class.
        kwargs: dict. Its arguments.
    """
    check_policy_config(cls, kwargs)
    check_policy_replays(cls, kwargs)
    for epochs in range(EPOCHS):
        check_policy_resumes(cls, kwargs, epochs)
    check_policy_refuses_foreign_state(make(cls, kwargs))


def make(cls, kwargs):
    """Returns a new policy; one inside it is its own, too."""
    return cls(**copy.deepcopy(kwargs))


def plain(value):
    """Returns what JSON keeps of an argument."""
    if not isinstance(value, policies.Policy):
        return value
    return policies.description.describe_policy(value)


def check_policy_config(cls, kwargs):
    """Arguments are attributes, and survive JSON."""
    policy = make(cls, kwargs)

    config = json.loads(json.dumps(policy.get_config()))
    revived = cls.from_config(config)

    assert config.keys() == inspect.signature(cls).parameters.keys()
    for name in config:
        assert plain(getattr(policy, name)) == config[name], name
    assert all(config[name] == plain(kwargs[name]) for name in kwargs)
    assert type(revived) is cls and revived.get_config() == config
    assert repr(revived) == repr(policy)


def check_policy_replays(cls, kwargs):
    """The same numbers bring the same decisions, again and elsewhere."""
    policy, other = make(cls, kwargs), make(cls, kwargs)
    start = json.dumps(policy.state)

    first = decisions(policy, range(EPOCHS))
    second = decisions(other, range(EPOCHS))
    policy.reset()
    assert json.dumps(policy.state) == start
    third = decisions(policy, range(EPOCHS))

    assert first == second == third
    assert all(is_possible(decision) for decision in first)


def check_policy_resumes(cls, kwargs, epochs):
    """A state saved after some epochs goes on as if nothing had been."""
    whole, resumed = make(cls, kwargs), make(cls, kwargs)
    decisions(whole, range(epochs))
    saved = json.dumps(whole.state, allow_nan=False)

    rest = decisions(whole, range(epochs, EPOCHS))
    state = json.loads(saved)
    resumed.state = state
    again = decisions(resumed, range(epochs, EPOCHS))

    assert rest == again
    assert json.dumps(state) == saved, "a policy keeps its own copy"


def check_policy_refuses_foreign_state(policy):
    """What another policy learned is refused by name."""
    state = dict(policy.state)

    try:
        policy.state = {**state, "momentum": 1}
    except ValueError as error:
        assert type(policy).__name__ in str(error)
        assert "saved by another policy" in str(error)
    else:
        raise AssertionError("a state with a key too many was taken")
    assert policy.state == state


def decisions(policy, epochs):
    """Feeds a policy some epochs of the run and lists what it decides."""
    decided = [policy.decide(progress(0, 0))] if 0 in epochs else []
    for epoch in epochs:
        decided += [policy.decide(progress(epoch, step)) for step in (1, 2, 3)]
        decided.append(policy.decide(progress(epoch + 1, 0)))
    return decided


def progress(epoch, step):
    """Returns `Progress` after some epochs and some of 4 batches of the next.

    The end of an epoch brings logs and batch losses. Two groups thaw on the
    way. Norms fall, each group's in its own way; the stem's are not measured.
    """
    logs, losses = {}, []
    if epoch and not step:
        loss = LOSSES[epoch - 1]
        noise = np.array([0.1, -0.1, 0.05, -0.05])
        losses = (1.0 if loss is None else loss) + noise
        logs = {"loss": 1.0 / epoch, "val_loss": loss, "val_accuracy": loss}
        logs = {k: v for k, v in logs.items() if v is not None}
    return policies.Progress(
        epoch=epoch,
        epoch_count=EPOCHS,
        step=4 * epoch + step,
        step_count=4 * EPOCHS,
        is_epoch_end=not step,
        logs=logs,
        trainable=(False, epoch > 4, epoch > 2),
        multipliers=(0.3, 0.3, 0.3),
        arrays={
            "batch_losses": losses,
            **(norms(epoch, step) if epoch else {}),
        },
    )


def norms(epoch, step):
    """Returns what is measured of the groups."""
    falling = 0.5 ** np.array([epoch, epoch / 2, np.sqrt(4 * epoch + step)])
    stem = np.array([np.nan, 1.0, 1.0])
    return {
        "gradient_norms": falling * stem,
        "net_gradient_norms": falling * stem,
        "update_norms": 1e-2 * falling * stem,
        "weight_norms": np.array([3.0, 2.0, 1.0]),
        "group_seconds": np.array([0.1, 0.2, 0.3]),
        "rebuild_seconds": np.array(1.0),
        "mean_fan_in": np.array(90.0),
        "gradient_square_norms": np.array(4.0),
        "mean_gradient_square_norm": np.array(2.0),
        "interval_batches": np.array(10),
    }


def is_possible(decision):
    """Is there one value a group, and no rate that is none?"""
    lengths = {
        len(each)
        for each in (decision.trainable, decision.multipliers)
        if each is not None
    }
    multipliers = decision.multipliers or ()
    return (
        lengths <= {3}
        and all(0 <= each < np.inf for each in multipliers)
        and (decision.rate is None or 0 < decision.rate < np.inf)
    )
