"""Does all that answers for tags do so from the thresholds `adapt` moved?"""

import json

import image_models
import keras
import numpy as np
import pytest
import tagged_images
from click.testing import CliRunner
from PIL import Image

from aet_keras import recipes, training
from aet_keras.cli import export as exporting
from aet_keras.cli import main
from aet_keras.serving import load_version
from aet_keras.training.adapted_files import thresholds_of


def run(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.fixture(scope="module")
def adapted(tmp_path_factory):
    """Returns a folder whose second version was adapted without old rows."""
    home = tmp_path_factory.mktemp("tagged")
    source = tagged_images.write_table(home, "train", seed=0, count=120)
    recipe = recipes.Recipe(
        str(source),
        image_column="file",
        target="tags",
        image_size=8,
        epochs=4,
        learning_rate=0.02,
        augment="none",
    )
    keras.utils.set_random_seed(0)
    new = tagged_images.write_table(
        home, "new", seed=1, count=100, flipped=True
    )
    with pytest.MonkeyPatch.context() as patch:
        image_models.make_tiny(patch)
        training.run_recipe(recipe, home / "saved")
        source.unlink()  # so there is no report of old rows
        said = run("adapt", home / "saved", new, "--labelled")
        accepted = run("export", home / "saved", "--accept")
    assert (said.exit_code, accepted.exit_code) == (3, 0), said.output
    return home


@pytest.fixture(scope="module")
def limits(adapted):
    path = adapted / "saved" / "2" / "adaptation.json"
    return json.loads(path.read_text())["thresholds"]


def answers_of(version, files):
    images = np.stack([np.asarray(Image.open(each)) for each in files])
    return load_version(version).call("serving_default", {"images": images})


def test_a_server_answers_from_the_moved_thresholds(adapted, limits):
    saved = adapted / "saved"
    before = thresholds_of(saved / "1")
    files = sorted((adapted / "new").iterdir())

    outputs = answers_of(saved / "2", files)

    assert not (saved / "2" / "report.json").exists()
    assert not np.allclose(limits, before)
    assert thresholds_of(saved / "2") == tuple(limits)
    wanted = outputs["probabilities"] >= np.asarray(limits, "float32")
    np.testing.assert_array_equal(outputs["tags"] != b"", wanted)
    old = outputs["probabilities"] >= np.asarray(before, "float32")
    assert (old != wanted).any()  # the earlier ones would answer otherwise


def test_predict_and_what_is_said_of_converted_files(adapted, limits):
    saved, files = adapted / "saved", sorted((adapted / "new").iterdir())

    lines = run("predict", saved, *files[:9], "--json").stdout.splitlines()

    for line in map(json.loads, lines):
        pairs = line["probabilities"].items()
        high = np.float32([share for _, share in pairs]) >= np.float32(limits)
        names = [name for name, _ in pairs]
        said = [n for n, is_said in zip(names, high, strict=True) if is_said]
        assert line["tags"] == said
    told = exporting._thresholds(saved / "2")
    for limit in limits:
        assert f"{limit:.9g}" in told


def test_explain_draws_a_tag_that_is_answered(adapted, limits, tmp_path):
    """Of this version there is no report, and the likeliest may not be said."""
    saved, files = adapted / "saved", sorted((adapted / "new").iterdir())
    outputs = answers_of(saved / "2", files)
    said = outputs["tags"] != b""
    row = int(np.flatnonzero(said.any(axis=1))[0])
    likely = np.where(said[row], outputs["probabilities"][row], -1).argmax()
    name = outputs["classes"][row][likely].decode()

    result = run(
        *("explain", saved, files[row], "--method", "occlusion"),
        *("--out", tmp_path / "out"),
    )

    assert result.exit_code == 0, result.output
    assert f"  {name}, " in result.stdout


def test_a_version_that_is_calibrated_anew_keeps_them(
    adapted, limits, monkeypatch
):
    image_models.export_shortly(monkeypatch)
    saved, new = adapted / "saved", adapted / "new.csv"

    result = run("calibrate", saved, new, "--coverage", "0.8")

    assert result.exit_code == 0, result.output
    assert thresholds_of(saved / "3") == tuple(limits)
    files = sorted((adapted / "new").iterdir())
    np.testing.assert_array_equal(
        answers_of(saved / "3", files)["tags"],
        answers_of(saved / "2", files)["tags"],
    )
