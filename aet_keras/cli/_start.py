"""What does a command load before it works with Keras models?"""

from aet_keras.cli._outcome import quiet_start


def load_layers() -> None:
    """Lets Keras find our classes in saved models, as `import aet_keras` does.

    The command itself starts without Keras, so each command that builds or
    loads a `.keras` model asks for them.
    """
    with quiet_start():
        from aet_keras import layers, losses, regularizers  # noqa: F401
