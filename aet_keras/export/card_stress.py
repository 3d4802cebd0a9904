"""What stands on a card about images that are corrupted or attacked?"""

from collections.abc import Iterator

from aet_keras.evaluation.robustness import Robustness
from aet_keras.export.card_blocks import Table
from aet_keras.export.card_facts import Facts, shown_number


def stress_blocks(facts: Facts) -> Iterator[str | Table]:
    """Yields the sentences and tables of the section."""
    content = facts.report.get("stress")
    if content is None:
        if facts.kind == "image":
            yield "Not measured on corrupted images (`--stress`)."
        return
    found = Robustness.from_json(content)
    yield (
        f"Of {found.count} test images, {shown_number(found.clean)} are called "
        f"rightly as they are, and {shown_number(found.mean)} on average when "
        "they are corrupted."
    )
    if found.seen:
        seen, unseen = (shown_number(e) for e in found.means.values())
        yield (
            f"Training saw {', '.join(found.seen)}: {seen} on average. Of the "
            f"other kinds it saw none: {unseen}."
        )
    yield Table(
        ("corruption", "mild", "medium", "strong"),
        [
            (_name(each.name, found), *map(shown_number, each.accuracies))
            for each in found.corrupted
        ],
    )
    if found.attacks is None:
        yield "Images that are made to deceive it were not tried."
        return
    yield (
        f"Of {found.attacks.count} test images, "
        f"{shown_number(found.attacks.clean)} are called rightly as they are. "
        "So many are still called rightly after each pixel was changed, by so "
        "much of 255 at most, to deceive the model:"
    )
    yield Table(
        ("attack", "1/255", "2/255", "4/255"),
        [
            (each.name, *map(shown_number, each.accuracies))
            for each in found.attacks.rows
        ],
    )


def _name(name, found):
    return f"{name} (seen)" if name in found.seen else name
