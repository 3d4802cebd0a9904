"""What may a weight not become?"""

from aet_keras.regularizers.anchor import AnchorPenalty

__all__ = ["AnchorPenalty"]
