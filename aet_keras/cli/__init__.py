"""What can be done from a terminal?"""

from aet_keras.cli.main import main

__all__ = ["main"]
