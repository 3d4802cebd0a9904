"""Which model does a kind of data ask for?"""

from aet_keras.tasks.image import ATTENTIONS, build_image_classifier

__all__ = ["ATTENTIONS", "build_image_classifier"]
