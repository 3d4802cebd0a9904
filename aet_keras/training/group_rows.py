"""Finds the groups that columns make of test rows, and measures each."""

import dataclasses
import re
from collections.abc import Mapping, Sequence

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras import data, evaluation
from aet_keras.errors import DataError
from aet_keras.evaluation.by_group import measure_by_group
from aet_keras.evaluation.tags_by_group import measure_tags_by_group
from aet_keras.recipes.item_recipe import ItemRecipe
from aet_keras.recipes.table_recipe import TableRecipe
from aet_keras.training.job import Job
from aet_keras.training.objectives import rule_of

_NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_CUT = re.compile(rf"(.*\S)\s*<=\s*({_NUMBER})\s*")
_MOST_VALUES = 8  # a number of more is cut into quarters
_MOST_GROUPS = 20
MISSING, OTHERS = "missing", "others"


def find_groups(
    recipe: object, dataset: data.Dataset
) -> Mapping[str, np.ndarray]:
    """Returns the group of each test row, by each column that is asked for.

    The file is read again: a column may be one that the model must not see.

    Args:
        recipe: of the run; only those of tables and items name columns.
        dataset: `data.Dataset`.

    Returns:
        dict of a column, as it was asked for, to an array of str.

    Raises:
        DataError: if there is no such column, or it is the target.
    """
    if not isinstance(recipe, TableRecipe | ItemRecipe) or not recipe.report_by:
        return {}
    frame = data.read_csv("report_by", recipe.data, encoding=recipe.encoding)
    titles = [str(each) for each in frame.columns]
    rows = [int(name.removeprefix("row ")) - 1 for name in dataset.test.names]
    numbers = {
        column.title: dataset.test.inputs[column.name]
        for column in dataset.specification.columns
        if column.kind == "number"
    }
    found = {}
    for asked in _apart(recipe.report_by, titles):
        targets = (recipe.target, *(recipe.label_columns or ()))
        title, edge = _column_of(asked, titles, targets)
        cells = frame[title].fillna("").astype(str).str.strip()
        texts = cells.to_numpy(object)[rows]
        values = numbers.get(title)
        found[asked] = _grouped(asked, texts, values, edge)
    return found


def _apart(asked: Sequence[str], titles: Sequence[str]) -> list[str]:
    """Returns columns, several in one word at its commas."""
    found = []
    for each in asked:
        whole = each in titles or "," not in each
        found += [each] if whole else [part.strip() for part in each.split(",")]
    return found


def _column_of(asked, titles, targets):
    title, edge = asked, None
    if asked not in titles and (cut := _CUT.fullmatch(asked)):
        title, edge = cut[1], float(cut[2])
    try:
        check.known("report_by", among=titles, kind="column", name=title)
    except ValueError as error:
        raise DataError(str(error)) from error
    if title in targets:
        raise DataError(
            "report_by: a column must be another than the target, because its "
            f"groups would be the classes themselves. Received: `{title}`. "
            "The report has the figures of each class anyway."
        )
    return title, edge


def _grouped(asked, texts, values, edge):
    if values is None:
        values = np.array([_number(text) for text in texts])
        is_number = np.isfinite(values).sum() == sum(t != "" for t in texts)
    else:
        is_number = True
    if edge is not None:
        if not is_number:
            raise DataError(
                "report_by: a column must hold numbers where it is cut at one. "
                f"Received: {asked!r}. Name the column alone."
            )
        # A cell of 0.1 is at most 0.1, in the precision that it is kept in.
        return _cut(values, [values.dtype.type(edge)])
    known = np.unique(values[np.isfinite(values)])
    if is_number and len(known) > _MOST_VALUES:
        finite = values[np.isfinite(values)]
        edges = np.quantile(finite, [0.25, 0.5, 0.75], method="lower")
        return _cut(values, list(np.unique(edges)))
    names, counts = np.unique(
        texts[texts != ""].astype(str), return_counts=True
    )
    kept = set(names[np.argsort(-counts, kind="stable")[:_MOST_GROUPS]])
    others, missing = (_unlike(word, names) for word in (OTHERS, MISSING))
    return np.array(
        [t if t in kept else others if t else missing for t in texts], str
    )


def _unlike(word, names):
    """Returns a word that no cell holds: cells may say `missing`, too."""
    while word in names:
        word = f"({word})"
    return word


def _number(text):
    try:
        return float(text)
    except ValueError:
        return np.nan


def _cut(values, edges):
    said = [_said(edge) for edge in edges]
    names = [f"at most {said[0]}"]
    pairs = zip(said, said[1:], strict=False)
    names += [f"from {low} to {high}" for low, high in pairs]
    names.append(f"above {said[-1]}")
    places = np.searchsorted(edges, values, side="left")
    is_known = np.isfinite(values)
    return np.array(
        [
            names[place] if known else MISSING
            for place, known in zip(places, is_known, strict=True)
        ]
    )


def _said(edge):
    """Returns a number with all its digits, so that no two are called alike."""
    if edge and not 1e-5 <= abs(edge) < 1e15:
        return str(edge)
    return np.format_float_positional(edge, trim="-")


def with_groups(
    report: evaluation.Report,
    groups: Mapping[str, np.ndarray],
    job: Job,
    model: keras.Model,
    dataset: data.Dataset,
) -> evaluation.Report:
    """Returns a report with the figures of each group.

    Args:
        report: `Report` of the run.
        groups: what `find_groups` found.
        job: `Job` of the kind of data.
        model: the trained `keras.Model`.
        dataset: `data.Dataset`.
    """
    if not groups or job.predict is None:
        return report
    outputs = job.predict(model, dataset.test)
    kind = dataset.specification.target_kind
    if kind == "tags":
        measure = _measured_tags(dataset, outputs)
        found = tuple(measure(rows, column) for column, rows in groups.items())
        return dataclasses.replace(report, groups=found)
    positive, threshold = None, 0.5
    if kind == "classes" and outputs.shape[1] == 2:
        specification = dataset.specification
        if specification.positive:  # items name none
            positive = specification.positive_index
        if report.risk is not None and report.risk.threshold is not None:
            threshold = report.risk.threshold
    found = tuple(
        measure_by_group(
            dataset.test.labels,
            outputs,
            rows,
            column=column,
            target_kind=kind,
            positive=positive,
            threshold=threshold,
            rule=rule_of(dataset.specification),
        )
        for column, rows in groups.items()
    )
    return dataclasses.replace(report, groups=found)


def _measured_tags(dataset, outputs):
    """Returns a function that measures the tags of each group."""
    specification = dataset.specification

    def measure(rows, column):
        return measure_tags_by_group(
            dataset.test.labels,
            outputs,
            rows,
            column=column,
            names=specification.class_names,
            thresholds=specification.thresholds or 0.5,
        )

    return measure
