"""What is tuned, within which bounds, where the user does not say?"""

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
    "attention": ["none", "se", "eca", "cbam", "soft", "pooling"],
    "attention_ratio": [4, 8, 16],
    "anchor": ["none", "l2_sp"],
    "anchor_strength": {"min": 1e-3, "max": 1.0, "log": True},
    "thaw": ["ThawOnStall", "ThawOnSchedule", "ThawAll", "AttendToGradients"],
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
    "AdaptToTrend/hold_ratio": {"min": 0.2, "max": 0.7},
    "AdaptToTrend/cycle_ratio": {"min": 0.2, "max": 0.6},
    "DecayOnStall/patience_epochs": {"min": 1, "max": 3},
    "DecayOnStall/rate_ratio": [0.1, 0.3, 0.5],
    "WarmupCosine/warmup_steps": [0, 50, 200],
    "AdaptToNoise/smoothing": [0.8, 0.9, 0.95],
}

# What a name depends on: where its parent has one of these values, it exists.
PARENTS = {
    "attention_ratio": ("attention", ("se", "cbam")),
    "anchor_strength": ("anchor", ("l2_sp",)),
}
ANCHORS = ("none", "l2_sp")

# What `fit` is given; everything else is of the model, or of the pictures.
OF_CALLBACKS = ("anchor", "anchor_strength", "thaw", "rate")
