"""Are the tokens of items those that a version has learned?

The one test of items whose texts have an encoder: it takes some seconds.
"""

import dataclasses

import item_files
import numpy as np
import pytest
import text_data

from aet_keras import backbones
from aet_keras.errors import ExportError
from aet_keras.recipes.item_recipe import ItemRecipe
from aet_keras.training import item_job, item_tokens

COLUMNS = {"image_column": "file", "text_column": "title", "target": "kind"}
WORDS_IN_REVERSE = text_data.WORDS[::-1]


def test_a_tokeniser_that_is_another_now_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(backbones, "load_backbone", item_files.small_backbone)
    path = item_files.write_items(tmp_path, 40, image_size=8)
    first, other = (
        str(text_data.save_preset(tmp_path / name, layers=1, words=words))
        for name, words in (("a", text_data.WORDS), ("b", WORDS_IN_REVERSE))
    )
    recipe = ItemRecipe(str(path), **COLUMNS, image_size=8, text_backbone=first)
    dataset = item_job.read_items(recipe)
    model = item_job.build(recipe, dataset)
    random = np.random.default_rng(0)
    for name in ("bert_backbone", "text_scores"):  # what words say of classes
        layer = model.get_layer("network").get_layer(name)
        layer.set_weights([random.normal(size=w.shape) for w in layer.weights])
    version = tmp_path / "out" / "1"
    item_job.JOB.write(model, recipe, dataset, version)
    moved = dataclasses.replace(recipe, text_backbone=other)
    texts = [f"the film was {word}" for word in text_data.GOOD]

    def check(recipe, texts):
        item_tokens.check_tokeniser(recipe, model, texts, version=version)

    check(recipe, ["", *texts])
    check(moved, [""])  # nothing to prove it by
    with pytest.raises(ExportError, match="must be that which.*Bring it back"):
        check(moved, texts)
