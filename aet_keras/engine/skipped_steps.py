"""Counts the optimizer's steps that each group has missed."""


class SkippedSteps:
    """Counts, row by row, the steps that passed a frozen group by.

    Args:
        count: int >= 0. Rows.
    """

    def __init__(self, count: int):
        self._missed = [0] * count
        self._frozen_at: list[int | None] = [None] * count

    @property
    def state(self) -> list:
        """What was counted, as JSON takes it."""
        return [self._missed, self._frozen_at]

    @state.setter
    def state(self, state: list) -> None:
        self._missed, self._frozen_at = map(list, state)

    def join(self, row: int, steps: int) -> None:
        """Notes that a row's weights are new to the optimizer."""
        self._missed[row] = steps
        self._frozen_at[row] = None

    def freeze(self, row: int, steps: int) -> None:
        """Notes that a row stands from here on."""
        self._frozen_at[row] = steps

    def thaw(self, row: int, steps: int) -> int:
        """Returns how many steps a row that now moves has missed in all."""
        since, self._frozen_at[row] = self._frozen_at[row], None
        if since is not None:
            self._missed[row] += steps - since
        return self._missed[row]
