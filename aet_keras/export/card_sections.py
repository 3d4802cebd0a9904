"""Says what stands on a version's card, whatever it is written in."""

from collections.abc import Iterator
from typing import Any

from aet_keras.evaluation.earlier_model import EarlierModel
from aet_keras.evaluation.intervals import wilson
from aet_keras.export.answer_sets import CALLED, MEDIAN
from aet_keras.export.card_blocks import (
    Bins,
    Code,
    Matrix,
    Picture,
    Section,
    Table,
)
from aet_keras.export.card_facts import Facts, measured, shown_number
from aet_keras.export.card_stress import stress_blocks
from aet_keras.export.card_trust import coverage_blocks, group_blocks

UNKNOWN = "unknown"
_MOST_DRAWN, _MOST_LISTED = 25, 60
_EMBEDDED = (
    "the backbone that comes with aet-keras: MobileNetV2 of width 0.25, which "
    "has seen clothes in grey"
)


def sections(facts: Facts) -> list[Section]:
    """Returns the sections of a card, in their order."""
    made = [
        ("What it is", _about(facts)),
        ("Data", _data(facts)),
        ("Figures on the test rows", _figures(facts)),
        ("Classes", _classes(facts)),
        ("Most wrong", _wrong(facts)),
        ("Are its probabilities right?", _calibration(facts)),
        ("Sets and intervals", coverage_blocks(facts)),
        ("By group", group_blocks(facts)),
        ("Under stress", stress_blocks(facts)),
        ("What it rests on", _importance(facts)),
        ("Training", _training(facts)),
        ("When data change", _drift(facts)),
        ("Files and serving", _serving(facts)),
        ("Not known", _unknown(facts)),
    ]
    found = [Section(title, list(blocks)) for title, blocks in made]
    return [each for each in found if each.blocks]


def _about(facts):
    recipe = facts.recipe
    task = facts.task.replace("-", " ")
    rows = [
        ("task", task if facts.task != "other" else facts.kind or UNKNOWN),
        ("adapted from", _origin(facts)),
        ("to", str(recipe.get("data", UNKNOWN))),
    ]
    if recipe.get("target"):
        rows.append(("predicts", f"column {recipe['target']}"))
    names = [each["name"] for each in facts.test.get("per_class") or ()]
    if names:
        more = ", ..." if len(names) > 30 else ""
        rows.append((f"{len(names)} classes", ", ".join(names[:30]) + more))
    signatures = facts.manifest.get("signatures") or {}
    served = signatures.get("serving_default") or {}
    if MEDIAN in served.get("outputs", ()):
        rows.append(("answers", "the median of the classes, in their order"))
    if CALLED in served.get("outputs", ()):
        rows.append(("answers", "the class whose errors cost least"))
    rows.append(("made", facts.report.get("created", UNKNOWN)))
    versions = facts.manifest.get("versions") or {}
    said = ", ".join(f"{name} {value}" for name, value in versions.items())
    rows.append(("with", said or UNKNOWN))
    yield Table(("", ""), rows)


def _origin(facts):
    recipe = facts.recipe
    if facts.adaptation:
        return f"version {facts.adaptation.get('from', UNKNOWN)} of this model"
    if recipe.get("from_"):
        return str(recipe["from_"])
    if facts.kind == "table":
        return "nothing: a tuned linear model, and a network beside it"
    backbone = recipe.get("backbone")
    if backbone is None:
        return "nothing" if facts.kind == "rating" else UNKNOWN
    weights = recipe.get("weights")
    if backbone == "embedded" and weights is None:
        return _EMBEDDED
    if weights == "none":
        return f"{backbone}, with random weights"
    usual = "the weights it comes with (of image models: ImageNet)"
    return f"{backbone}, {weights or usual}"


def _data(facts):
    rows = [
        (
            split,
            f"{facts.splits[split]:,}" if split in facts.splits else UNKNOWN,
        )
        for split in ("train", "validation", "test")
    ]
    yield Table(("split", "rows"), rows)
    adapted = facts.adaptation.get("rows")
    if adapted:
        yield (
            f"Adapted to {adapted['count']} new rows, of which "
            f"{adapted['labelled_count']} have labels: "
            f"{', '.join(adapted['what'])}."
        )
    yield from facts.report.get("notes") or ()


def _figures(facts):
    rows = [
        (
            each.name,
            shown_number(each.value),
            UNKNOWN
            if each.ends is None
            else " to ".join(map(shown_number, each.ends)),
            each.baseline or "-",
        )
        for each in measured(facts)
    ]
    if not rows:
        yield "Unknown: this version has no report."
        return
    yield Table(("", "model", "95 % interval", "without this model"), rows)
    if facts.report.get("verdict"):
        yield facts.report["verdict"]
    if facts.report.get("earlier"):
        found = EarlierModel.from_json(facts.report["earlier"])
        yield f"Beside the earlier model: {found.to_text()}."


def _classes(facts):
    tags = facts.test.get("per_tag") or []
    if tags:
        keys = [key for key in tags[0] if key != "name"]
        yield Table(
            ("tag", *(key.replace("_", " ") for key in keys)),
            [
                (each["name"], *(_shown(each[key]) for key in keys))
                for each in tags[:_MOST_LISTED]
            ],
        )
    scores = facts.test.get("per_class") or []
    if not scores:
        return
    rows = []
    for each in scores[:_MOST_LISTED]:
        recall = each["recall"]
        ends = UNKNOWN
        if recall is not None:
            pair = wilson(round(recall * each["count"]), each["count"])
            ends = " to ".join(map(shown_number, pair))
        rows.append(
            (
                each["name"],
                str(each["count"]),
                shown_number(recall),
                ends,
                shown_number(each["precision"]),
                shown_number(each["f1"]),
            )
        )
    header = ("class", "rows", "found", "95 % interval", "precision", "F1")
    yield Table(header, rows)
    if len(scores) > len(rows):
        yield f"and {len(scores) - len(rows)} more, in report.json."
    if len(scores) <= _MOST_DRAWN:
        names = [each["name"] for each in scores]
        yield Matrix(names, facts.test["confusion_matrix"])
    for each in facts.report.get("most_confused") or ():
        yield (
            f"{each['true']} called {each['predicted']}: {each['count']} rows, "
            f"{each['share']:.0%} of the class."
        )


def _shown(value):
    return str(value) if isinstance(value, int) else shown_number(value)


def _wrong(facts):
    picture = facts.directory / "top_losses.png"
    if picture.is_file():
        yield Picture(picture, "The test images that are most wrong")
        return
    rows = []
    for each in facts.report.get("mistakes") or ():
        if "probability" in each:
            what = f"{each['true']}, called {each['predicted']}"
            what += f" ({each['probability']:.0%})"
        else:
            known = [f"{k} {v}" for k, v in each.items() if k in _OF_MISS]
            what = ", ".join(known)
        rows.append((each.get("name", ""), what, each.get("content", "")))
    if rows:
        yield Table(("row", "what is wrong", "content"), rows)


_OF_MISS = ("true", "predicted")


def _calibration(facts):
    risk = facts.report.get("risk") or {}
    bins = risk.get("calibration") or facts.test.get("calibration") or ()
    if not bins:
        if facts.task.endswith("classification"):
            yield "Not measured."
        return
    points = [(b["predicted"], b["observed"], b["count"]) for b in bins]
    total = sum(count for *_, count in points)
    gap = sum(abs(p - o) * n for p, o, n in points) / total
    positive = risk.get("positive")
    of = f"of `{positive}`" if positive else "of the class that is called"
    yield (
        f"Probabilities {of}, in bins of equal numbers of test rows: what was "
        f"predicted and how often it was so. They are off by {gap:.3f} on "
        "average."
    )
    yield Bins(points)


def _parts(facts):
    """Yields what each part of items decides."""
    content = facts.report.get("parts")
    if not content:
        return
    rows = [("all together", shown_number(content["loss"]), "")]
    rows += [("late fusion", shown_number(content["late"]), "")]
    for each in content["scores"]:
        lost = (each[name] for name in ("rise", "rise_low", "rise_high"))
        mean, low, high = map(shown_number, lost)
        alone = shown_number(each["alone"])
        rows.append((each["name"], alone, f"{mean} ({low} to {high})"))
    yield Table(
        ("part", "loss of it alone", "loss added by that of another row"), rows
    )


def _importance(facts):
    yield from _parts(facts)
    risk = facts.report.get("risk") or {}
    features = risk.get("importance") or facts.test.get("importance") or ()
    if not features:
        return
    lost = "ROC AUC lost"
    if "r2" in facts.test:
        lost = "RMSE gained"
    elif "micro_f1" in facts.test:
        lost = "mean AP lost"
    yield Table(
        ("column", f"{lost} when it is shuffled"),
        [(e["name"], _share_of(e["permutation"])) for e in features[:15]],
    )


def _share_of(value):
    return UNKNOWN if value is None else f"{value:.4g}"


def _training(facts) -> Iterator[Any]:
    report = facts.report
    if not report:
        yield "Unknown: this version has no report."
        return
    epochs = max(map(len, (report.get("history") or {"": []}).values()))
    best = report.get("best_epoch")
    kept = f"epoch {best}" if best else "the start"
    seconds = (report.get("seconds") or {}).get("total")
    took = f"{seconds:.0f} s in all" if seconds else "time unknown"
    yield f"{epochs} epochs, weights of {kept} kept, {took}."
    if report.get("stopped"):
        yield f"Ended early: {report['stopped']}"
    settings = {
        key: value
        for key, value in facts.recipe.items()
        if value not in (None, "", []) and key not in ("data", "kind")
    }
    if settings:
        rows = [(key, str(value)) for key, value in settings.items()]
        yield Table(("setting", ""), rows)


def _drift(facts):
    if (facts.directory / "reference.npz").is_file():
        yield (
            "`reference.npz` keeps how the model answers rows it was not "
            "trained on; new rows are compared with it:"
        )
        yield Code([f"aet-keras watch saved_models/{facts.name} NEW_ROWS"])
    else:
        yield "It has no reference that new rows could be compared with."
    shift = facts.adaptation.get("shift")
    if shift:
        found = shift.get("kind", UNKNOWN)
        yield f"It was adapted because of a shift: {found}."


def _serving(facts):
    sizes = facts.sizes()
    shown = sorted(sizes.items(), key=lambda pair: -pair[1])[:8]
    rows = [(name, f"{size / 1e6:,.2f} MB") for name, size in shown]
    rows.append(("all files", f"{sum(sizes.values()) / 1e6:,.2f} MB"))
    yield Table(("file", "size"), rows)
    name = facts.name
    yield Code(
        [
            f"aet-keras predict saved_models/{name} WHAT",
            f"aet-keras serve saved_models/{name}",
            "docker run -p 8501:8501 -e MODEL_NAME=" + name,
            f'    -v "$PWD/saved_models/{name}:/models/{name}" '
            "tensorflow/serving",
        ]
    )
    rows = [
        (signature, _listed(each["inputs"]), _listed(each["outputs"]))
        for signature, each in (facts.manifest.get("signatures") or {}).items()
    ]
    if rows:
        yield Table(("signature", "takes", "returns"), rows)


def _listed(specs):
    names = list(specs)
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return ", ".join(names[:6]) + more


def _unknown(facts):
    yield (
        "This card was written by the run. It does not know: who made the "
        "model and for whom, what it must not be used for, under which licence "
        "the data and the pretrained weights stand, whether people agreed to "
        "be in the data, how it does on inputs that are made to deceive it."
    )
    missing = [
        s for s in ("train", "validation", "test") if s not in facts.splits
    ]
    if missing:
        yield f"Nor how many rows these splits had: {', '.join(missing)}."
    if facts.kind == "table" and not facts.report.get("groups"):
        yield "Nor for which groups of people it errs more."
