"""Prepares a published model for a server or another runtime."""

import pathlib

import click

from aet_keras.cli._running import load_layers, one_sentence, quiet_start

_FORMATS = ["serving", "onnx", "openvino", "litert"]
_DEFAULT = "serving_default"  # the signature


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
    "--weights",
    type=click.Choice(["float32", "float16", "int8"]),
    default="float32",
    show_default=True,
    help="With litert: round the weights, for a smaller file. It is kept if "
    "98.5 % of the images get the same class as before.",
)
@click.option(
    "--images",
    type=click.Path(path_type=pathlib.Path),
    multiple=True,
    help="With rounded --weights: images or a folder of them, at least 200 "
    "that the model was not trained on. [default: the validation and test "
    "images of the run]",
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
    folder,
    format,
    out,
    weights,
    images,
    check,
    roll_back,
    accept,
    from_older,
    keep,
    debug,
):
    """Bring a published model to a server or another runtime.

    FOLDER is saved_models/NAME, as `aet-keras fit` leaves it.

    \b
    Example:
        aet-keras export saved_models/digits
        aet-keras export saved_models/digits --format onnx
        aet-keras export saved_models/digits --format litert --weights int8
        aet-keras export saved_models/digits --roll-back
        aet-keras export saved_models/digits --accept
    """
    with one_sentence(debug=debug):
        _check_one_thing(format, out, check, roll_back, accept, keep)
        _check_accept(accept, from_older)
        _check_weights(format, weights, images)
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
            _convert(exporting, folder, format, out, weights, images)


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


def _check_weights(format, weights, images):
    if weights != "float32" and format != "litert":
        raise ValueError(
            f"export: `--weights {weights}` must go with `--format litert`, "
            f"whose files can have them. Received: {format or 'no format'}. "
            "Add it, or leave `--weights` out."
        )
    if images and weights == "float32":
        raise ValueError(
            "export: `--images` must go with `--weights float16` or `int8`, "
            "which are accepted by the answers for them. Received: them with "
            "float32. Leave them out."
        )


def _accept(folder, from_older):
    from aet_keras.publishing.candidates import accept_candidate, read_record

    version = accept_candidate(folder, is_older_taken=from_older)
    click.echo(f"{version} is the newest now")
    sentence = (read_record(version) or {}).get("sets")
    if sentence is None and _has_lost_sets(version):
        sentence = (
            "It answers without sets, which the version before has. "
            f"`aet-keras calibrate {version.parent} ROWS` gives it some."
        )
    if sentence:
        click.echo(sentence)


def _has_lost_sets(version):
    """Says whether the version before answers with sets, and this does not."""
    from aet_keras.publishing import list_versions
    from aet_keras.publishing.manifest import read_content

    pair = list_versions(version.parent)[-2:]
    has_sets = ["guarantee" in read_content(each) for each in pair]
    return has_sets == [True, False]


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


def _convert(exporting, folder, format, out, weights, images):
    from aet_keras._progress import listening
    from aet_keras.cli._display import ProgressBar
    from aet_keras.errors import ExportError
    from aet_keras.export.conversion import SUFFIXES
    from aet_keras.publishing import newest_version
    from aet_keras.publishing.data_kind import check_one_answer, find_kind
    from aet_keras.publishing.manifest import read_content

    version = newest_version(folder)
    kind = find_kind(read_content(version), owner="export")
    if kind not in (None, "image"):
        raise ExportError(
            f"export: `--format {format}` must go with a model of images, "
            "because its files take pixels and nothing else. Received: "
            f"{version}, a model of the kind `{kind}`. Serve it: `aet-keras "
            f"serve {folder}`."
        )
    rounded = "" if weights == "float32" else f"-{weights}"
    if rounded:
        check_one_answer(version, "export: `--weights`")
    out = out or folder / f"model-{version.name}{rounded}{SUFFIXES[format]}"
    bar = ProgressBar()
    try:
        with listening(bar):
            settings = {}
            if rounded:
                settings["weights"] = weights
                settings["images"] = _unseen(version, images)
            compared = exporting.convert(
                version, out, format=format, **settings
            )
    finally:
        bar.close()
    click.echo(f"{out}  {compared.to_text()}")
    served = (read_content(version).get("signatures") or {}).get(_DEFAULT) or {}
    if "tags" in served.get("outputs", ()):
        click.echo(_thresholds(version))


def _thresholds(version):
    """Says from which probability on a version answers with each tag."""
    from aet_keras.training.adapted_files import thresholds_of

    path = version / "assets" / "labels.txt"
    names = path.read_text(encoding="utf-8").splitlines()
    limits = thresholds_of(version) or [0.5] * len(names)
    pairs = zip(names, limits, strict=True)
    # Nine digits are a float32, as a server compares it.
    shown = ", ".join(f"{name} {limit:.9g}" for name, limit in pairs)
    return (
        "It gives probabilities alone, in this order; a row has a tag from "
        f"its threshold on: {shown}."
    )


def _unseen(version, images):
    """Returns images that a version was not trained on."""
    import numpy as np

    from aet_keras import _regular_file
    from aet_keras.cli import _new_rows
    from aet_keras.errors import AetError, DataError
    from aet_keras.evaluation import Report
    from aet_keras.training.old_rows import read_own_rows

    model = _new_rows.load_model(version)
    if images:
        given = list(map(str, images))
        asked = _new_rows.Asked("export", version, model, given)
        return _new_rows.read_new_rows(asked).x
    report = version / "report.json"
    try:
        content = _regular_file.read_object("export", report, "a report")
        scores = Report.from_json(content).test.per_class
        names = [score.name for score in scores]
        dataset = read_own_rows(version, model, names).dataset
    except (AetError, OSError) as error:
        raise DataError(
            "export: rounded weights are accepted by their answers for images "
            "that the model was not trained on, and those of the run cannot "
            f"be read: {error} Name others by `--images`."
        ) from error
    splits = dataset.validation, dataset.test
    return np.concatenate([split.inputs for split in splits])
