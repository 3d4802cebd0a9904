"""Says on a card what answers hold, and for whom the model errs."""

from collections.abc import Iterator
from typing import Any

from aet_keras.evaluation.by_group import ByGroup
from aet_keras.evaluation.covered import Coverage, plural
from aet_keras.evaluation.guarantee import Guarantee
from aet_keras.export.card_blocks import Table
from aet_keras.export.card_facts import Facts, shown_number

_MOST_LISTED = 60


def coverage_blocks(facts: Facts) -> Iterator[Any]:
    """Yields what its sets or intervals cover."""
    content = facts.report.get("coverage")
    if content is None:
        guarantee = facts.manifest.get("guarantee")
        if guarantee:
            yield (
                f"{Guarantee(**guarantee).to_text()} What they cover on "
                "others was not measured."
            )
        elif facts.adaptation.get("sets"):
            yield facts.adaptation["sets"]
        elif facts.kind != "rating":
            yield "It answers without a set or an interval (`--coverage 0.9`)."
        return
    covered = Coverage.from_json(content)
    one = covered.unit
    unit = f"{plural(one)} a set" if one else "wide, on average"
    yield (
        f"{covered.asked:g} was asked, {shown_number(covered.coverage)} is "
        f"covered ({shown_number(covered.low)} to "
        f"{shown_number(covered.high)}), {shown_number(covered.size)} {unit}. "
        f"{covered.guarantee.to_text()}"
    )
    rows = [
        (e.name, shown_number(e.coverage), shown_number(e.size), str(e.count))
        for e in covered.per_class
        if e.coverage is not None
    ]
    if rows:
        yield from _listed(
            (one, "covered", f"{plural(one)} a set", "rows"), rows
        )
        yield f"The guarantee is of all rows together, not of each {one}."


def group_blocks(facts: Facts) -> Iterator[Any]:
    """Yields the figures of each group."""
    made = facts.report.get("groups") or ()
    if not made and facts.kind in ("table", "item"):
        yield "No groups were asked for (`--report-by COLUMN`)."
    for content in made:
        found = ByGroup.from_json(content)
        names = list(found.groups[0].figures)
        yield Table(
            (found.column, "rows", *names),
            [
                (
                    group.name,
                    str(group.count),
                    *(group.figures[name].to_text() for name in names),
                )
                for group in found.groups
            ],
        )
        gaps = [f"{k} {v.to_text()}" for k, v in found.gaps.items()]
        if gaps:
            yield f"Largest gaps between groups: {'; '.join(gaps)}."
        if found.too_small:
            yield f"Too small for the gaps: {', '.join(found.too_small)}."
        yield from _tags_by_group(found)


def _tags_by_group(found):
    """Yields the rates of each tag in each group, the widest gaps first."""
    if not found.tags:
        return
    names = list(found.tags[0].groups[0].figures)[:4]
    rows = [
        (
            tag.column,
            group.name,
            *(group.figures[name].to_text() for name in names),
        )
        for tag in found.widest_tags()
        for group in tag.groups
    ]
    yield from _listed(("tag", found.column, *names), rows)
    gaps = [
        (tag.column, *(each.to_text() for each in tag.gaps.values()))
        for tag in found.widest_tags()
        if tag.gaps
    ]
    if gaps:
        yield from _listed(("gap of tag", *found.tags[0].gaps), gaps)
    yield (
        "Parity and equalised odds are of one tag each: none of all tags "
        "together is computed, nor how right the probabilities of each group "
        "are."
    )


def _listed(titles, rows):
    """Yields a table of the first rows, and how many more there are."""
    yield Table(titles, rows[:_MOST_LISTED])
    if len(rows) > _MOST_LISTED:
        yield f"and {len(rows) - _MOST_LISTED} more, in report.json."
