"""Under which name does Keras find our classes in a saved model?"""

import keras

register = keras.saving.register_keras_serializable(package="aet_keras")
