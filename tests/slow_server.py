"""Serves a folder whose answers take a while: FOLDER SECONDS."""

import sys
import time

from aet_keras import serving
from aet_keras.serving.loaded_version import LoadedVersion

answer = LoadedVersion.call


def slow(*arguments):
    """Answers later."""
    time.sleep(float(sys.argv[2]))
    return answer(*arguments)


LoadedVersion.call = slow
limits = serving.Limits(concurrent_predictions=1, request_seconds=60)
serving.serve(
    sys.argv[1],
    port=0,
    limits=limits,
    say=lambda sentence: print(sentence, flush=True),
)
