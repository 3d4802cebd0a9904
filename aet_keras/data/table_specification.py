"""What are the columns of a table, and what do they tell?"""

import dataclasses

from aet_keras.data.dataset import Specification


@dataclasses.dataclass(frozen=True)
class TableColumn:
    """Says what one column of a table is.

    Args:
        name: str. What a model and a server call it: letters, digits and `_`.
        kind: `"number"`, `"category"` or `"date"`.
        title: str. What the file calls it.

    Example:

    >>> column = aet_keras.data.TableColumn("mean_area", "number", "mean area")
    >>> column.kind
    'number'
    """

    name: str
    kind: str
    title: str


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

    @property
    def positive_index(self) -> int:
        """Returns which class is the positive one."""
        return self.class_names.index(self.positive)
