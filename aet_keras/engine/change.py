"""Records what one decision changed."""

import dataclasses
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Change:
    """Says what one decision changed.

    Args:
        thawed: tuple of str. Names of the groups that move from now on.
        frozen: tuple of str. Names of the groups that stand from now on.
        why: str. The policy's reason.
        is_undone: bool. Whether the weights of the best state came back.

    Example:

    >>> from aet_keras.engine.change import Change
    >>> print(Change(thawed=("block_13",), why="a stall"))
    thawed block_13: a stall
    """

    thawed: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    why: str = ""
    is_undone: bool = False

    @classmethod
    def between(
        cls,
        before: Sequence[bool],
        after: Sequence[bool],
        *,
        names: Sequence[str],
        why: str,
    ) -> "Change":
        """Returns what differs between two trainable maps.

        Args:
            before: sequence of bools, a group each.
            after: likewise.
            names: sequence of str. The groups' names.
            why: str. The policy's reason.
        """
        rows = list(zip(names, before, after, strict=True))
        return cls(
            thawed=tuple(n for n, was, now in rows if now and not was),
            frozen=tuple(n for n, was, now in rows if was and not now),
            why=why,
        )

    def __str__(self):
        parts = [
            f"{verb} {', '.join(names)}"
            for verb, names in (("thawed", self.thawed), ("froze", self.frozen))
            if names
        ]
        if self.is_undone:
            parts.append("brought the best weights back")
        return f"{'; '.join(parts)}: {self.why}"
