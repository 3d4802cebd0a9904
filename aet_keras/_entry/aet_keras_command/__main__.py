"""Runs the command as `python -m aet_keras_command`."""

from aet_keras_command import main

main()
