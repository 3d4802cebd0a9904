"""Is every image model of `keras.applications` cut into its stages?

Claim: `group_layers` cuts each of them into at least four groups, contiguous,
complete and in the order of computation, with its head and without, and for
images of any size as for those of one.

    nice python tests/benchmarks/grouped_families.py [NAME ...]

Random weights. The exit code is the number of models that failed.
"""

import sys

import _machine
import keras

import aet_keras

LEAST = 4
# the smallest images that a family takes
SIDES = {"InceptionResNetV2": 75, "InceptionV3": 75, "Xception": 71}


def build(name, *, include_top, side):
    """Returns a model of two classes, or one without a head."""
    settings = {"classes": 2} if include_top else {}
    return getattr(keras.applications, name)(
        weights=None,
        include_top=include_top,
        input_shape=(side, side, 3),
        **settings,
    )


def faults(model, groups):
    """Lists what is wrong with the groups of a model."""
    listed = [layer for group in groups for layer in group.layers]
    positions = {id(layer): i for i, layer in enumerate(listed)}
    found = []
    if sum(group.name != "head" for group in groups) < LEAST:
        found.append(f"fewer than {LEAST} groups")
    if len({group.name for group in groups}) < len(groups):
        found.append("two groups of one name")
    if len(positions) < len(listed):
        found.append("a layer in two groups")
    if missing := [
        layer.name
        for layer in model.layers
        if id(layer) not in positions
        and not isinstance(layer, keras.layers.InputLayer)
    ]:
        found.append(f"not in a group: {', '.join(missing[:3])}")
    if not is_in_order(listed):
        found.append("out of order")
    return found


def is_in_order(listed):
    """Says whether each layer stands after all that it reads."""
    made_at = {
        id(tensor): position
        for position, layer in enumerate(listed)
        for tensor in keras.tree.flatten(layer.output)
    }
    return all(
        made_at.get(id(tensor), -1) < position
        for position, layer in enumerate(listed)
        for tensor in keras.tree.flatten(layer.input)
    )


def check(name):
    """Prints the groups of a model; returns whether they hold."""
    side = SIDES.get(name, 32)
    cut = {}
    for kind, include_top, pixels in (
        ("with top", True, side),
        ("without", False, side),
        ("any size", False, None),
    ):
        keras.utils.clear_session()
        model = build(name, include_top=include_top, side=pixels)
        groups = aet_keras.backbones.group_layers(model)
        cut[kind] = [g.name for g in groups if g.name != "head"]
        wrong = faults(model, groups)
        if (groups[-1].name == "head") != include_top:
            wrong.append("a head that is none, or none that is one")
        if cut[kind] != cut["with top"]:
            wrong.append("groups other than with its head")
        sizes = ", ".join(f"{g.name} {len(g.layers)}" for g in groups)
        verdict = f"FAILED ({'; '.join(wrong)})" if wrong else "ok"
        print(f"{name:18} {kind:8}  {verdict:4}  {sizes}", flush=True)
        if wrong:
            return False
    return True


def main():
    """Checks the models named on the command line, or all."""
    print(_machine.describe())
    known = [n for n in aet_keras.backbones.backbone_names() if n[0].isupper()]
    failed = [name for name in sys.argv[1:] or known if not check(name)]
    print(f"{len(failed)} failed{': ' * bool(failed)}{', '.join(failed)}")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
