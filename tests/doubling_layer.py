"""A layer that shows by its output whether it is on the path."""

import keras


class DoublingLayer(keras.layers.Layer):
    """Doubles its input: each one on a linear path doubles the output."""

    def call(self, inputs):
        return 2 * inputs

    def compute_output_shape(self, input_shape):
        return input_shape
