"""Names the keys that callbacks of this package add to the logs of `fit`.

Users name them as `monitor=`, and read them in a history or a TensorBoard:
they stay as they are.
"""

TRAINED_GROUPS = "elastic_freezing/trained_groups"
CACHED_GROUPS = "elastic_freezing/cached_groups"
RATE = "adaptive_learning_rate/rate"
ANCHOR_PENALTY = "elastic_anchor/penalty"
ANCHOR_DISTANCE = "elastic_anchor/distance"
ALL = (TRAINED_GROUPS, CACHED_GROUPS, RATE, ANCHOR_PENALTY, ANCHOR_DISTANCE)
