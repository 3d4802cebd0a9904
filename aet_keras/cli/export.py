"""Prepares a published model for a server or another runtime."""

import pathlib

import click

from aet_keras.cli._running import load_layers, one_sentence, quiet_start

_FORMATS = ["serving", "onnx", "openvino", "litert"]


@click.command()
@click.argument("folder", type=click.Path(path_type=pathlib.Path))
@click.option(
    "--format",
    type=click.Choice(_FORMATS),
    help="What to write: `serving`, the files that start TensorFlow Serving "
    "and two clients, or the model for another runtime, compared with Keras. "
    "[default: serving]",
)
@click.option(
    "--out",
    type=click.Path(path_type=pathlib.Path),
    help="Where to write an onnx, openvino or litert file. "
    "[default: FOLDER/model-N with the format's ending]",
)
@click.option(
    "--check",
    is_flag=True,
    help="Write nothing; hold every version against the sums in its manifest.",
)
@click.option(
    "--roll-back",
    is_flag=True,
    help="Take the newest version back: servers go on with the one before.",
)
@click.option(
    "--accept",
    is_flag=True,
    help="Make a candidate of `aet-keras adapt` the next version: that of "
    "FOLDER, saved_models/NAME/candidates/N, or the newest in FOLDER.",
)
@click.option(
    "--from-older",
    is_flag=True,
    help="With --accept: also a candidate that was made from a version which "
    "is not the newest any more.",
)
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    metavar="N",
    help="Remove all but the N newest versions, and those taken back.",
)
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def export(
    folder, format, out, check, roll_back, accept, from_older, keep, debug
):
    """Bring a published model to a server or another runtime.

    FOLDER is saved_models/NAME, as `aet-keras fit` leaves it.

    \b
    Example:
        aet-keras export saved_models/digits
        aet-keras export saved_models/digits --format onnx
        aet-keras export saved_models/digits --roll-back
        aet-keras export saved_models/digits --accept
    """
    with one_sentence(debug=debug):
        _check_one_thing(format, out, check, roll_back, accept, keep)
        _check_accept(accept, from_older)
        load_layers()
        with quiet_start():
            from aet_keras import export as exporting
            from aet_keras import publishing
        if check:
            _check(publishing, folder)
        elif roll_back:
            _roll_back(publishing, folder)
        elif accept:
            _accept(folder, from_older)
        elif keep is not None:
            _prune(publishing, folder, keep)
        elif format in (None, "serving"):
            _deploy(exporting, folder)
        else:
            _convert(exporting, folder, format, out)


def _check_one_thing(format, out, check, roll_back, accept, keep):
    asked = {
        "--format": format is not None,
        "--check": check,
        "--roll-back": roll_back,
        "--accept": accept,
        "--keep": keep is not None,
    }
    named = [option for option, is_asked in asked.items() if is_asked]
    if len(named) > 1:
        raise ValueError(
            "export: one thing must be asked for at a time, because the next "
            f"depends on how it ends. Received: {' and '.join(named)}. Give "
            "two commands."
        )
    if out is not None and format in (None, "serving"):
        raise ValueError(
            "export: `--out` must go with onnx, openvino or litert, because "
            "the files of a server belong in FOLDER/serving. Received: "
            f"--out {out}. Leave it out, or name a `--format`."
        )


def _check_accept(accept, from_older):
    if accept or not from_older:
        return
    raise ValueError(
        "export: `--from-older` must go with `--accept`, because it says which "
        "candidates are. Received: it alone. Add `--accept`."
    )


def _accept(folder, from_older):
    from aet_keras.publishing.candidates import accept_candidate

    version = accept_candidate(folder, is_older_taken=from_older)
    click.echo(f"{version} is the newest now")


def _check(publishing, folder):
    for version in reversed(publishing.list_versions(folder)):
        files = publishing.check_manifest(version).files
        size = sum(each["bytes"] for each in files.values())
        click.echo(
            f"{version}  {len(files)} files, {size / 1e6:.1f} MB, as published"
        )


def _roll_back(publishing, folder):
    done = publishing.roll_back(folder)
    click.echo(f"{done.newest} is the newest now; what was is {done.withdrawn}")


def _prune(publishing, folder, keep):
    gone = publishing.prune(folder, keep=keep)
    numbers = ", ".join(map(str, gone)) or "none"
    click.echo(
        f"Removed: {numbers}. Newest: {publishing.list_versions(folder)[-1]}"
    )


def _deploy(exporting, folder):
    target = exporting.write_deployment(folder)
    click.echo(
        f"{target}  {', '.join(sorted(p.name for p in target.iterdir()))}"
    )
    click.echo(
        f"Start it: docker compose -f {target / 'docker-compose.yml'} up"
    )


def _convert(exporting, folder, format, out):
    from aet_keras._progress import listening
    from aet_keras.cli._display import ProgressBar
    from aet_keras.export.conversion import SUFFIXES
    from aet_keras.publishing import newest_version

    version = newest_version(folder)
    out = out or folder / f"model-{version.name}{SUFFIXES[format]}"
    bar = ProgressBar()
    try:
        with listening(bar):
            compared = exporting.convert(version, out, format=format)
    finally:
        bar.close()
    click.echo(f"{out}  {compared.to_text()}")
