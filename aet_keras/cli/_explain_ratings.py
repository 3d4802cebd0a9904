"""How is it drawn which past ratings a recommendation rests on?"""

import pathlib
import re
from collections.abc import Iterator, Sequence

from aet_keras.cli._outcome import quiet_start
from aet_keras.cli._versions import load_version_of

_NAMED = 3
_BEST = 3  # items that are explained where none is named
_LEAST = 0.005  # what is less is shown as 0


def explain_ratings(
    folder: pathlib.Path, given: Sequence[str], *, out: pathlib.Path
) -> Iterator[str]:
    """Writes a picture an item, and yields a line for each.

    Args:
        folder: `saved_models/NAME`, or one of its versions.
        given: the id of a user, and of items; of the best three if none.
        out: the folder to write in.
    """
    _, version = load_version_of(folder)
    with quiet_start():
        from aet_keras import explanations, export
    _check_has_reasons(folder, version)
    user, *items = given
    items = items or _best(version, user)
    export.check_writable(out)
    for item in items:
        said = _reasons(version, user, item)
        found = explanations.leave_out_ratings(said)
        note = "" if said["is_known"] else " (one of them not known)"
        title = f"{user}, {item}: {found.answer:.2f}{note}"
        short = re.sub(r"\W+", "_", f"{user}_{item}")[:60].strip("_")
        target = out / f"{short}_occlusion.png"
        explanations.save_left_out(target, found, title=title, what="rating")
        strongest = [
            f"{name} {loss:+.2f}"
            for name, loss in found.strongest(_NAMED)
            if abs(loss) >= _LEAST
        ]
        yield f"{target}  {title}: {'; '.join(strongest) or 'nothing known'}"


def _check_has_reasons(folder, version):
    from aet_keras.errors import ExportError

    if "reasons" not in version.signatures:
        raise ExportError(
            f"explain: {folder} must have the signature `reasons`, which "
            "versions before 0.7.0 did not write. Received: signatures "
            f"{sorted(version.signatures)}. Run `aet-keras fit` again."
        )


def _best(version, user):
    import numpy as np

    asked = {"user": _bytes(user), "k": np.array([_BEST], "int32")}
    items = version.call("top_k", asked)["items"][0]
    return [item.decode() for item in items if item]


def _reasons(version, user, item):
    asked = {"user": _bytes(user), "item": _bytes(item)}
    outputs = version.call("reasons", asked)
    return {name: values[0] for name, values in outputs.items()}


def _bytes(name):
    import numpy as np

    return np.array([name.encode(errors="replace")], object)
