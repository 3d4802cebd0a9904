"""Do all rooms take the same version of a folder for the newest?"""

import pytest

from aet_keras import export, publishing
from aet_keras.cli._inputs import load_version_of
from aet_keras.errors import ExportError
from aet_keras.serving.model_folder import ModelFolder
from aet_keras.training.job import load_earlier


@pytest.fixture
def folder(tmp_path):
    """Returns a folder of one version, and a later number without a model."""
    home = tmp_path / "clothes"
    publishing.publish(home, lambda aside: (aside / "saved_model.pb").touch())
    (home / "2").mkdir()
    (home / "2" / "manifest.json").write_text("{}")
    return home


@pytest.mark.parametrize(
    "ask",
    [
        lambda folder: export.convert(
            folder, folder / "model.tflite", format="litert"
        ),
        lambda folder: load_earlier(str(folder)),
        load_version_of,
        ModelFolder,
        export.write_deployment,
    ],
    ids=["convert", "from", "command", "server", "deployment"],
)
def test_a_number_without_a_model_is_newest_for_nobody(ask, folder):
    with pytest.raises(ExportError) as caught:  # the model is an empty file
        ask(folder)

    assert str(folder / "1") in str(caught.value)
    assert str(folder / "2") not in str(caught.value)
