"""Which model does a kind of data ask for?"""

from aet_keras.tasks.image import build_image_classifier

__all__ = ["build_image_classifier"]
