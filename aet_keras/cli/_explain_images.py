"""Draws where a published model looks in an image."""

import collections
import pathlib
from collections.abc import Iterator, Sequence

from aet_keras import _check as check
from aet_keras import _regular_file
from aet_keras.cli._explain_rows import find_class
from aet_keras.cli._inputs import read_images, reasons
from aet_keras.cli._running import load_layers, quiet_start
from aet_keras.errors import DataError
from aet_keras.publishing.candidates import read_record
from aet_keras.publishing.manifest import read_manifest
from aet_keras.publishing.publication import find_version

_LABELS = {
    "grad-cam": "speaks for the class (1 = most)",
    "occlusion": "probability lost when covered",
    "attention": "weight (1 = even)",
}


def explain_images(
    folder: pathlib.Path,
    files: Sequence[pathlib.Path],
    *,
    method: str,
    class_name: str | None,
    out: pathlib.Path,
) -> Iterator[str]:
    """Writes a map of each image, and yields a line for it."""
    targets = _targets(files, out, method)
    load_layers()
    with quiet_start():
        from aet_keras import explanations, publishing
    model, names, predicted = _read_published(folder)
    asked = _find_column(class_name, names, method)
    pixels = _decode(files, model.input_shape[1:3])
    explained = _explainer(explanations, model, method)
    publishing.publication.check_writable(out)
    for target, image in zip(targets, pixels, strict=True):
        (row,) = model(image[None].astype("float32"), training=False)
        answer = predicted(row.numpy())
        column = answer if asked is None else asked
        title = _title(row.numpy(), names, column, answer)
        explanations.save_overlay(
            target,
            image,
            explained(image[None], column),
            title=title,
            label=_LABELS[method],
        )
        yield f"{target}  {title}"


def _title(probabilities, names, column, predicted):
    """Returns the class that is explained, and the predicted one."""
    shown = [
        f"{name}, {probability:.1%}"
        for name, probability in zip(names, probabilities, strict=True)
    ]
    if column == predicted:
        return shown[predicted]
    return f"{shown[column]} (predicted: {shown[predicted]})"


def _targets(files, out, method):
    """Returns the file of each image's map; no two share one."""
    stems = collections.Counter(file.stem for file in files)
    (stem, count), *_ = stems.most_common(1)
    if count > 1:
        raise ValueError(
            "explain: images must differ in their names, because a map is "
            f"called after its image. Received: {count} called `{stem}`. "
            "Explain them in two runs, with two `--out`."
        )
    return [out / f"{file.stem}_{method}.png" for file in files]


def _read_published(folder):
    """Returns a published model, its class names, and what it answers."""
    from aet_keras.evaluation import Report

    try:
        if _is_without_report(folder):
            names, predicted = _read_version(find_version(folder))
        else:
            content = _regular_file.read_object(
                "explain", folder / "report.json", "a report"
            )
            report = Report.from_json(content)
            names, predicted = None, None
        model = _regular_file.load_model(folder / "model.keras")
    # A damaged file surfaces as nearly every kind of exception.
    except Exception as error:
        raise DataError(
            f"{folder}: a published model must hold `model.keras` and "
            "`report.json` that can be read. Received: "
            f"{check.first_line(error)}. Name the folder that `aet-keras fit` "
            "was given as `--out`."
        ) from error
    if names is None:
        names, predicted = _names_of(folder, report), _answer_of(report.test)
    return model, names, predicted


def _is_without_report(folder):
    """Says whether a version was adapted without old rows to measure it by."""
    gone = not (folder / "report.json").exists()
    return gone and read_record(find_version(folder)) is not None


def _read_version(version):
    """Returns the names of an adapted version, and what it answers."""
    from aet_keras.evaluation import ordinal
    from aet_keras.training.adapted_files import thresholds_of

    path = version / "assets" / "labels.txt"
    names = path.read_text(encoding="utf-8").splitlines()
    signatures = read_manifest(version).signatures or {}
    outputs = signatures["serving_default"]["outputs"]
    if "tags" in outputs:
        return names, _likeliest_tag(thresholds_of(version))
    if "median" in outputs:
        return names, lambda row: int(ordinal.medians(row[None])[0])
    return names, lambda row: int(row.argmax())


def _answer_of(figures):
    """Returns what is answered of a row, by the figures of a report."""
    from aet_keras.evaluation import ordinal

    if getattr(figures, "per_tag", None) is not None:
        return _likeliest_tag([each.threshold for each in figures.per_tag])
    if getattr(figures, "order", None) is None:
        return lambda row: int(row.argmax())
    return lambda row: int(ordinal.medians(row[None])[0])


def _likeliest_tag(thresholds):
    import numpy as np

    from aet_keras.evaluation.tag_thresholds import first_tag

    limits = np.asarray(thresholds, "float32")  # as a server compares them
    return lambda row: first_tag(row, row >= limits)


def _names_of(folder, report):
    test = report.test
    scores = getattr(test, "per_class", getattr(test, "per_tag", None))
    if scores is None:
        raise ValueError(
            "explain: an image model must be one of classes or tags, because "
            f"maps are those of one of them. Received: {folder}, a model of a "
            "number. `top_losses.png` shows where it errs most."
        )
    return [score.name for score in scores]


def _find_column(class_name, names, method):
    if class_name is not None and method == "attention":
        raise ValueError(
            "explain: `--class` must go with another method, because "
            "attention layers look at one place for all classes. Received: "
            f"--class {class_name}. Leave it out."
        )
    return find_class(class_name, names)


def _decode(files, image_size):
    """Returns images as training reads them, all of them or none."""
    rows = list(read_images(files, image_size))
    bad = [row for row in rows if row.reason]
    if not bad:
        return [row.values["images"] for row in rows]
    raise DataError(
        "explain: every IMAGE must be an image that can be read. Received: "
        f"{reasons(bad)}. Mend them or leave them out."
    )


def _explainer(explanations, model, method):
    """Returns a function from an image and a class to an overlay's maps."""
    if method == "attention":
        look = explanations.AttentionMaps(model)
        return lambda image, _: {k: v[0] for k, v in look(image).items()}
    made = {
        "grad-cam": explanations.GradCAM,
        "occlusion": explanations.Occlusion,
    }
    look = made[method](model)
    return lambda image, column: look(image, column)[0]
