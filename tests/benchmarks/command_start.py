"""What does the command cost where it needs no model?

Claim: help, the version, completion and misuse take at most 0.3 seconds of
the processor, because they load neither Keras nor TensorFlow.

    python tests/benchmarks/command_start.py [--rounds 5]

Rounds take turns. A row is one command in a process of its own: the median of
its seconds of the processor, all threads and the system's share.
"""

import argparse
import os
import pathlib
import resource
import statistics
import subprocess
import sysconfig

import _machine

CONSOLE = pathlib.Path(sysconfig.get_path("scripts"), "aet-keras")
MOST_SECONDS = 0.3
COMPLETE = {
    "_AET_KERAS_COMPLETE": "bash_complete",
    "COMP_WORDS": "aet-keras fit --aug",
    "COMP_CWORD": "2",
}
COMMANDS = {
    "--help": (["--help"], {}),
    "--version": (["--version"], {}),
    "fit --help": (["fit", "--help"], {}),
    "completion": ([], COMPLETE),
    "unknown option": (["fit", "digits", "--epoch", "3"], {}),
    "unknown command": (["fti"], {}),
    "missing argument": (["predict"], {}),
}


def seconds(arguments, environment):
    """Returns the seconds of the processor that a command takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [CONSOLE, *arguments],
        env=os.environ | environment,
        capture_output=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    user = after.ru_utime - before.ru_utime
    return user + after.ru_stime - before.ru_stime


def main():
    """Prints a row a command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print(_machine.describe())
    found = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, command in COMMANDS.items():
            found[name].append(seconds(*command))
    print(f"{'command':<18}{'median':>8}{'least':>8}{'most':>8}  seconds")
    for name, row in found.items():
        figures = statistics.median(row), min(row), max(row)
        print(f"{name:<18}" + "".join(f"{each:>8.2f}" for each in figures))
    worst = max(map(statistics.median, found.values()))
    print(f"claim: at most {MOST_SECONDS}: {worst <= MOST_SECONDS}")


if __name__ == "__main__":
    main()
