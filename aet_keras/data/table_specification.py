"""What are the columns of a table, and what do they tell?"""

import dataclasses

from aet_keras.data.cell_format import MISSING_WORDS, CellFormat
from aet_keras.data.dataset import Specification


@dataclasses.dataclass(frozen=True)
class TableColumn:
    """Says what one column of a table is.

    Args:
        name: str. What a model and a server call it: letters, digits and `_`.
        kind: `"number"`, `"category"` or `"date"`.
        title: str. What the file calls it.
        format: `CellFormat`. What its cells mean. Defaults to plain numbers,
            and dates such as `2024-03-17`.

    Example:

    >>> column = aet_keras.data.TableColumn("mean_area", "number", "mean area")
    >>> column.kind
    'number'
    """

    name: str
    kind: str
    title: str
    format: CellFormat = CellFormat()


@dataclasses.dataclass(frozen=True)
class TableSpecification(Specification):
    """Says what the rows of a table are.

    Args:
        columns: tuple of `TableColumn` that a model may look at.
        target: str. The column that it tells.
        positive: str. The class whose probability is the risk.
        cost_false_negative: float > 0. What it costs to miss a positive.
        cost_false_positive: float > 0. What it costs to take one of the
            others for a positive, in the same money.
        missing: tuple of str. Words that mean a row without a target.

    Example:

    >>> specification = aet_keras.data.TableSpecification(
    ...     kind="table",
    ...     class_names=("bad", "good"),
    ...     image_size=None,
    ...     source="credit.csv",
    ...     columns=(aet_keras.data.TableColumn("age", "number", "age"),),
    ...     target="status",
    ...     positive="bad",
    ... )
    >>> specification.positive_index
    0
    """

    columns: tuple[TableColumn, ...] = ()
    target: str = ""
    positive: str = ""
    cost_false_negative: float = 1.0
    cost_false_positive: float = 1.0
    missing: tuple[str, ...] = MISSING_WORDS

    @property
    def positive_index(self) -> int:
        """Returns which class is the positive one."""
        return self.class_names.index(self.positive)
