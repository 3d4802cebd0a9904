"""The command `aet-keras`, with all its commands."""

import click

from aet_keras.cli.adapt import adapt
from aet_keras.cli.calibrate import calibrate
from aet_keras.cli.explain import explain
from aet_keras.cli.export import export
from aet_keras.cli.fit import fit
from aet_keras.cli.predict import predict
from aet_keras.cli.serve import serve
from aet_keras.cli.tune import tune
from aet_keras.cli.watch import watch


@click.group(
    context_settings={
        "help_option_names": ["-h", "--help"],
        "show_default": True,
    }
)
@click.version_option(
    package_name="aet-keras", message="%(package)s %(version)s"
)
def main():
    """Adapt pretrained Keras models to new data.

    Exit codes: 0 done, 1 failed, 2 misused; of watch, 3 shifted; of adapt, 3
    a candidate was written, 4 nothing was.

    \b
    Example:
        aet-keras fit digits --out saved_models/digits
        aet-keras predict saved_models/digits photo.png
        aet-keras serve saved_models/digits
    """


_COMMANDS = (
    fit,
    explain,
    tune,
    predict,
    serve,
    watch,
    adapt,
    calibrate,
    export,
)
for _command in _COMMANDS:
    main.add_command(_command)
