"""Runs the command as `python -m aet_keras.cli`."""

from aet_keras.cli import main

main(prog_name="aet-keras")
