"""What do the tests of serving share?"""

import image_models
import pytest
import served_models

from aet_keras.serving.app import build_app
from aet_keras.serving.model_folder import ModelFolder


@pytest.fixture(scope="session")
def versions(tmp_path_factory):
    """Returns two exports; the second names its classes otherwise."""
    return write_versions(tmp_path_factory.mktemp("versions"))


@pytest.fixture(scope="session")
def quick_versions(tmp_path_factory):
    """Returns such exports, which are loaded and made ready in no time."""
    with pytest.MonkeyPatch.context() as patch:
        image_models.export_shortly(patch)
        return write_versions(tmp_path_factory.mktemp("quick_versions"))


def write_versions(home):
    """Writes both exports; returns where they are."""
    served_models.write_version(home / "one")
    served_models.write_version(home / "two", ("cap", "vest", "boot"))
    return home / "one", home / "two"


@pytest.fixture(scope="session")
def shared(versions, tmp_path_factory):
    """Returns a `ModelFolder` of one version, which no test changes."""
    home = tmp_path_factory.mktemp("shared") / "clothes"
    home.mkdir()
    served_models.copy_version(versions[0], home, 1)
    return ModelFolder(home)


@pytest.fixture
def client(shared):
    """Returns a client of the application with its default limits."""
    return served_models.Client(build_app(shared))


@pytest.fixture
def home(tmp_path):
    """Returns an empty folder to publish in."""
    (tmp_path / "clothes").mkdir()
    return tmp_path / "clothes"
