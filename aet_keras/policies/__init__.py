"""What should happen next, going by the numbers alone?"""

from aet_keras.policies._stall import is_higher_better
from aet_keras.policies.decision import Decision
from aet_keras.policies.policy import Policy
from aet_keras.policies.progress import Progress
from aet_keras.policies.rate import AdaptToTrend, DecayOnStall, WarmupCosine
from aet_keras.policies.thaw import ThawAll, ThawOnSchedule, ThawOnStall
from aet_keras.policies.trend import Trend

__all__ = [
    "AdaptToTrend",
    "DecayOnStall",
    "Decision",
    "Policy",
    "Progress",
    "ThawAll",
    "ThawOnSchedule",
    "ThawOnStall",
    "Trend",
    "WarmupCosine",
    "is_higher_better",
]
