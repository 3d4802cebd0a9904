"""Takes rows of cells, as long as they are of one width."""

from aet_keras.data.table_store import CellStore, Column

_LEAST_ROWS, _MOST_CELLS = 256, 200_000  # of a block


class Rows:
    """Takes the rows of one way, as long as they are of one width.

    Args:
        store: `CellStore` of them.

    Attributes:
        names: list of str, the first row; `None` as long as there is none.
        widths: set of int. How many cells the other rows have.
        uneven: optional tuple of int: how many cells the first row has that
            has not as many as there are names, and its line.
    """

    def __init__(self, store: CellStore):
        self.names: list[str] | None = None
        self.widths: set[int] = set()
        self.uneven: tuple[int, int] | None = None
        self.skips_blank = True
        self._store = store
        self._block: list[list[str]] = []
        self._most = 0
        # Columns, and in how many cells, all of them in single quotes.
        self._quoted: dict[int, int] | None = None

    def add(self, row: list[str], line: int) -> None:
        """Takes a row of cells, and the number of its line."""
        if self.names is None:
            self.names = row
            self.skips_blank = len(row) > 1
            return
        width = len(row)
        if width not in self.widths:
            self.widths.add(width)
            if len(self.widths) > 1:
                self.drop()
            if width != len(self.names) and self.uneven is None:
                self.uneven = width, line
            self._most = max(_LEAST_ROWS, _MOST_CELLS // width)
        if len(self.widths) == 1:
            self._block.append(row)
            if len(self._block) >= self._most:
                self._flush()

    def drop(self) -> None:
        """Forgets the cells."""
        self._block = []
        self._store.drop()

    def columns(self) -> list[Column]:
        """Returns the columns; no row can be added behind."""
        if self._block:
            self._flush()
        return self._store.columns()

    @property
    def is_in_single_quotes(self) -> bool:
        """Says whether a whole column is, of more than one cell."""
        return any(count > 1 for count in (self._quoted or {}).values())

    def _flush(self):
        columns = list(zip(*self._block, strict=True))
        self._block = []
        if self._quoted is None:
            self._quoted = dict.fromkeys(range(len(columns)), 0)
        for place in [*self._quoted]:
            cells = columns[place]
            if all(is_wrapped(cell, "'") for cell in cells if cell):
                self._quoted[place] += sum(map(bool, cells))
            else:
                del self._quoted[place]
        self._store.add(columns)


def is_wrapped(cell: str, quote: str) -> bool:
    """Says whether a cell is in quotes."""
    cell = cell.strip()
    return len(cell) > 1 and cell[0] == quote == cell[-1]
