"""Hyperparameters: names, kinds, default bounds, and what they depend on."""

import inspect
import typing

from aet_keras import _check as check
from aet_keras import policies, recipes
from aet_keras._choices import ATTENTIONS
from aet_keras.backbones.attention import SQUEEZED

_RATIO = {"min": 0.1, "max": 1.0, "log": True}
_DEPTHS = [0.65, 0.8, 1.0]

# Parents stand before what depends on them. The numbers of a policy exist
# only where it was chosen: `POLICY/argument`.
DIMENSIONS = {
    "learning_rate": {"min": 3e-4, "max": 1e-2, "log": True},
    "batch_size": [16, 32, 64],
    "augment": ["none", "flip", "light"],
    "dropout": [0.0, 0.2, 0.4],
    "head_units": [0, 128],
    "attention": list(ATTENTIONS),
    "attention_ratio": [4, 8, 16],
    "anchor": ["none", "l2_sp"],
    "anchor_strength": {"min": 1e-3, "max": 1.0, "log": True},
    "thaw": [
        "ThawTopThenAll",
        "ThawOnStall",
        "ThawOnSchedule",
        "ThawAll",
        "AttendToGradients",
    ],
    "ThawTopThenAll/top_count": {"min": 1, "max": 6},
    "ThawTopThenAll/patience_epochs": {"min": 1, "max": 4},
    "ThawTopThenAll/rate_ratio": {"min": 0.03, "max": 2.0, "log": True},
    "ThawOnStall/patience_epochs": {"min": 1, "max": 4},
    "ThawOnStall/head_ratio": [0.05, 0.15, 0.3],
    "ThawOnStall/first_count": {"min": 1, "max": 6},
    "ThawOnStall/group_count": {"min": 1, "max": 4},
    "ThawOnStall/rate_ratio": _RATIO,
    "ThawOnStall/depth_ratio": _DEPTHS,
    "ThawOnStall/frozen_ratio": [0.0, 0.3, 0.6],
    "ThawOnSchedule/first_epoch": {"min": 1, "max": 4},
    "ThawOnSchedule/every_epochs": {"min": 1, "max": 3},
    "ThawOnSchedule/group_count": {"min": 1, "max": 4},
    "ThawOnSchedule/rate_ratio": _RATIO,
    "ThawOnSchedule/depth_ratio": _DEPTHS,
    "ThawAll/rate_ratio": {"min": 0.03, "max": 1.0, "log": True},
    "ThawAll/depth_ratio": _DEPTHS,
    "ThawAll/frozen_ratio": [0.0, 0.3, 0.6],
    "AttendToGradients/temperature": {"min": 0.25, "max": 4.0, "log": True},
    "AttendToGradients/rate_ratio": _RATIO,
    "rate": ["AdaptToTrend", "DecayOnStall", "WarmupCosine", "AdaptToNoise"],
    "AdaptToTrend/hold_ratio": {"min": 0.2, "max": 0.9},
    "AdaptToTrend/cycle_ratio": {"min": 0.2, "max": 0.6},
    "DecayOnStall/patience_epochs": {"min": 1, "max": 3},
    "DecayOnStall/rate_ratio": [0.1, 0.3, 0.5],
    "WarmupCosine/warmup_steps": [0, 50, 200],
    "AdaptToNoise/smoothing": [0.8, 0.9, 0.95],
}

# What a name depends on: where its parent has one of these values, it exists.
PARENTS = {
    "attention_ratio": ("attention", SQUEEZED),
    "anchor_strength": ("anchor", ("l2_sp",)),
}
ANCHORS = ("none", "l2_sp")

# What `fit` is given; everything else is of the model, or of the images.
OF_CALLBACKS = ("anchor", "anchor_strength", "thaw", "rate")


FIELDS = {
    "attention": str,
    "attention_ratio": int,
    "augment": str,
    "batch_size": int,
    "dropout": float,
    "head_units": int,
    "learning_rate": float,
    "train_batch_normalization": bool,
}


def kinds():
    """Returns the type of the values of each name."""
    found = {**FIELDS, "thaw": str, "rate": str}
    found.update({"anchor": str, "anchor_strength": float})
    for policy in (*_tunable("thaw"), *_tunable("rate")):
        for argument in _arguments(policy):
            kind = _kind(argument.annotation)
            if kind is not None:
                found[f"{policy}/{argument.name}"] = kind
    return found


def _tunable(role):
    """Returns the policies that are made of numbers alone."""
    is_thaw = role == "thaw"
    names = (
        recipes.shared_settings.THAW_POLICIES
        if is_thaw
        else recipes.shared_settings.RATE_POLICIES
    )
    return [
        name
        for name in names
        if all(each.default is not each.empty for each in _arguments(name))
    ]


def _arguments(policy):
    return inspect.signature(getattr(policies, policy)).parameters.values()


def _kind(annotation):
    """Returns the first plain type of an annotation, None if there is none."""
    for each in typing.get_args(annotation) or (annotation,):
        if each in (str, bool, int, float):
            return each
    return None


def parent_of(name):
    """Returns the parent of a name, and with which of its values it exists."""
    if name in PARENTS:
        return PARENTS[name]
    if "/" not in name:
        return None, ()
    policy = name.partition("/")[0]
    is_rate = policy in recipes.shared_settings.RATE_POLICIES
    return ("rate" if is_rate else "thaw"), (policy,)


def reachable(made, given):
    """Returns the dimensions that can apply, parents first."""
    by_name = {each.name: each for each in made}
    ordered = sorted(by_name, key=lambda name: parent_of(name)[0] is not None)
    kept = {}
    for name in ordered:
        parent, values = parent_of(name)
        if parent is None or (
            parent in by_name and set(values) & set(by_name[parent].choices)
        ):
            kept[name] = by_name[name]
        elif name in given:
            what = " or ".join(repr(value) for value in values)
            raise ValueError(
                f"ElasticSpace: `{name}` must have {what} among the choices "
                f"of `{parent}`, because it applies nowhere else. Received: "
                f"{parent}={_text_of(by_name.get(parent))}. Add it there, or "
                f"leave `{name}` out."
            )
    return kept


def _text_of(dimension):
    return dimension.to_json() if dimension else "nothing"


def check_values(dimension):
    """Checks each corner by the class that it is meant for."""
    name = dimension.name
    for value in dimension.corners:
        if name == "anchor":
            check.one_of("ElasticSpace", anchor=value, among=ANCHORS)
        elif name == "attention_ratio":
            recipes.Recipe("digits", attention="se", attention_ratio=value)
        elif name in ("thaw", "rate"):
            kind = f"{name} policy"
            among = _tunable(name)
            check.known("ElasticSpace", kind=kind, among=among, name=value)
        elif "/" in name:
            policy, _, argument = name.partition("/")
            getattr(policies, policy)(**{argument: value})
        else:
            recipes.Recipe("digits", **{name: value})
