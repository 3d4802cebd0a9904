"""Records what one decision changed."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Change:
    """Says what one decision changed.

    Args:
        thawed: tuple of str. Names of the groups that move from now on.
        frozen: tuple of str. Names of the groups that stand from now on.
        why: str. The policy's reason.
        is_undone: bool. Whether the weights of the best state came back.

    Example:

    >>> print(aet_keras.engine.Change(thawed=("block_13",), why="a stall"))
    thawed block_13: a stall
    """

    thawed: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    why: str = ""
    is_undone: bool = False

    def __str__(self):
        parts = [
            f"{verb} {', '.join(names)}"
            for verb, names in (("thawed", self.thawed), ("froze", self.frozen))
            if names
        ]
        if self.is_undone:
            parts.append("brought the best weights back")
        return f"{'; '.join(parts)}: {self.why}"
