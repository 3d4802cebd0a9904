"""What does `python -m aet_keras_command` run?"""

from aet_keras_command import main

main()
