"""Policies: they turn the numbers of a run into decisions."""

from aet_keras._renamed import renamed
from aet_keras.policies.attention import AttendToGradients
from aet_keras.policies.cost import FreezeWhenItPays
from aet_keras.policies.decision import Decision
from aet_keras.policies.freeze import FreezeSettled, FreezeSlow
from aet_keras.policies.noise_scale import AdaptToNoise
from aet_keras.policies.phases import (
    FreezeOnSchedule,
    ThawBetweenCycles,
    TrainHeadThenAll,
)
from aet_keras.policies.policy import Policy
from aet_keras.policies.progress import Progress
from aet_keras.policies.rate import AdaptToTrend, DecayOnStall, WarmupCosine
from aet_keras.policies.thaw import ThawAll, ThawOnSchedule, ThawOnStall
from aet_keras.policies.top_then_all import ThawTopThenAll
from aet_keras.policies.trial import ThawByTrial

__all__ = [
    "AdaptToNoise",
    "AdaptToTrend",
    "AttendToGradients",
    "DecayOnStall",
    "Decision",
    "FreezeOnSchedule",
    "FreezeSettled",
    "FreezeSlow",
    "FreezeWhenItPays",
    "Policy",
    "Progress",
    "ThawAll",
    "ThawBetweenCycles",
    "ThawByTrial",
    "ThawOnSchedule",
    "ThawOnStall",
    "ThawTopThenAll",
    "TrainHeadThenAll",
    "WarmupCosine",
]

__getattr__ = renamed(
    __name__,
    moved={
        "description": ["describe_policy", "read_policy"],
        "stall": ["is_higher_better"],
        "trend": ["Trend"],
    },
)
