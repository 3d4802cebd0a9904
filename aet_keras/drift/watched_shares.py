"""Says in words and shares what a chart of new rows shows."""

from collections.abc import Sequence

import numpy as np

from aet_keras.drift.days import DayAlarm
from aet_keras.drift.model_outputs import ModelOutputs
from aet_keras.drift.reference import Reference
from aet_keras.drift.shift import NUMBER_SENTENCES, SENTENCES, Shift
from aet_keras.drift.target_kinds import KINDS
from aet_keras.evaluation import chart_fonts, printed_text

_MOST_CLASSES = 12
_PARTS = 10  # of the numbers that are predicted of the reference
_Line = tuple[str, int, str]
_Shares = tuple[str, Sequence[str], np.ndarray, np.ndarray]


def title_lines(
    name: str, shift: Shift, alarm: DayAlarm | None, outputs: ModelOutputs
) -> list[_Line]:
    """Returns lines for the head of a chart, their sizes and colours.

    Args:
        name: str. Of the model.
        shift: `Shift`.
        alarm: optional `DayAlarm`.
        outputs: `ModelOutputs` of the rows that were compared.
    """
    is_number = shift.source_error is not None
    sentence = (NUMBER_SENTENCES if is_number else SENTENCES)[shift.kind]
    lines = [
        (printed_text.cut_middle(name, 60), 15, "black"),
        (
            f"{sentence} p = {shift.p:.2g}, {outputs.row_count} rows",
            12,
            chart_fonts.ORANGE if shift.is_shifted else chart_fonts.GREEN,
        ),
        (
            f"{_figure(shift)}; {shift.novel_ratio:.0%} of the rows are novel",
            10,
            chart_fonts.INK,
        ),
    ]
    if alarm is not None:
        lines.insert(2, (alarm.to_text(), 10, chart_fonts.INK))
    return lines


def _figure(shift):
    if shift.source_error is not None:
        now = "not known without labels"
        if shift.error is not None:
            now = f"{shift.error:.5g}"
        return (
            f"{shift.measure} {shift.source_error:.5g} in the reference, "
            f"now {now}"
        )
    now = f"about {shift.expected_accuracy:.2f}, by the model's own confidence"
    if shift.accuracy is not None:
        now = f"{shift.accuracy:.2f}"
    return f"accuracy {shift.source_accuracy:.2f} in the reference, now {now}"


def shares_of(
    reference: Reference, outputs: ModelOutputs, shift: Shift
) -> _Shares:
    """Returns a title, and names with shares in the reference and now.

    Of classes it is the share of each, of tags that of the rows that have it,
    of a number that of the rows in each tenth of what is predicted of the
    reference.

    Args:
        reference: `Reference`.
        outputs: `ModelOutputs` of the rows that were compared.
        shift: `Shift`.
    """
    found = _SHARES[reference.target_kind](reference, outputs, shift)
    if reference.target_kind == "number":
        return found
    title, names, before, now = found
    order = np.argsort(-np.abs(now - before), kind="stable")[:_MOST_CLASSES]
    if len(order) < len(names):
        title += f": the {len(order)} of {len(names)} that moved most"
    order = np.sort(order)
    return title, [names[c] for c in order], before[order], now[order]


def _of_classes(reference, outputs, shift):
    if shift.priors is not None:
        how = "estimated" if shift.accuracy is None else "by labels"
        title = f"Shares of the classes, {how}"
        before, now = np.array(shift.source_priors), np.array(shift.priors)
    else:
        title = "Shares of the classes, as the model answers"
        before, now = _means(reference, outputs)
    return title, _names(reference, len(before)), before, now


def _of_tags(reference, outputs, shift):
    del shift
    title = "Shares of the rows with each tag, as the model answers"
    before, now = _means(reference, outputs)
    if outputs.labels is not None:
        known = KINDS["tags"].are_known(outputs.labels)
        if known.any():
            title = "Shares of the rows with each tag, by labels"
            before = reference.labels.mean(axis=0)
            now = outputs.labels[known].mean(axis=0)
    return title, _names(reference, len(before)), before, now


def _of_numbers(reference, outputs, shift):
    del shift
    known, new = reference.probabilities[:, 0], outputs.probabilities[:, 0]
    inner = np.quantile(known, np.arange(1, _PARTS) / _PARTS)
    inner = np.unique(inner)
    before, now = (
        np.bincount(np.searchsorted(inner, each), minlength=len(inner) + 1)
        / len(each)
        for each in (known, new)
    )
    shown = [f"{each:.4g}" for each in inner]
    names = [f"to {shown[0]}"]
    names += [f"{a} to {b}" for a, b in zip(shown, shown[1:], strict=False)]
    title = "Shares of the rows by the number that is predicted"
    return title, [*names, f"above {shown[-1]}"], before, now


_SHARES = {"classes": _of_classes, "tags": _of_tags, "number": _of_numbers}


def _means(reference, outputs):
    return (
        each.mean(axis=0)
        for each in (reference.probabilities, outputs.probabilities)
    )


def _names(reference, count):
    return reference.class_names or tuple(map(str, range(count)))
