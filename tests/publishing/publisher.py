"""Publishes, takes back and removes, in a process of its own.

python publisher.py FOLDER NAME TURNS takes the package's files without the
package: no TensorFlow is imported, and many of these start at once.
"""

import pathlib
import sys
import types

PACKAGE = pathlib.Path(__file__).parents[2] / "aet_keras"


def load():
    """Returns the module under its own name."""
    for name, path in (
        ("aet_keras", PACKAGE),
        ("aet_keras.publishing", PACKAGE / "publishing"),
    ):
        module = types.ModuleType(name)
        module.__path__ = [str(path)]
        sys.modules[name] = module
    from aet_keras.publishing import publication

    return publication


def main(folder, name, turns):
    """Prints the number of each version that was published."""
    publication = load()
    from aet_keras.errors import ExportError

    for turn in range(int(turns)):
        text = f"{name}.{turn}"

        def write(aside, text=text):
            for file in ("model.keras", "report.json", "saved_model.pb"):
                (aside / file).write_text(text)

        version = publication.publish(folder, write, keep=3)
        print(version.name, text)
        if turn % 2:
            try:
                publication.roll_back(folder)
            except ExportError as error:
                assert "two versions must be there" in str(error)


if __name__ == "__main__":
    main(*sys.argv[1:])
