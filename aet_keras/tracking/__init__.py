"""Trackers of a run: TensorBoard, and Weights & Biases."""

# Both are callbacks of `fit`, and write when the others are done. MLflow needs
# none of ours: `mlflow.keras.autolog()` appends a callback of its own to those
# of `fit`, which keeps what ours log for an epoch, such as
# `adaptive_learning_rate/rate`, but knows nothing of single groups. That is
# read from its source; MLflow itself names Keras up to 3.13.2, and was not
# tried here.
from aet_keras.tracking.tensorboard import TensorBoard
from aet_keras.tracking.weights_and_biases import WeightsAndBiases

__all__ = ["TensorBoard", "WeightsAndBiases"]
