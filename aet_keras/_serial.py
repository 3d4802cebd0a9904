"""Registers classes under the names that a saved model has for them."""

import keras

register = keras.saving.register_keras_serializable(package="aet_keras")
