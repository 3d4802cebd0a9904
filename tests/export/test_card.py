"""Does the card say what is known of a version, and what is not?"""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from aet_keras import evaluation
from aet_keras.evaluation.by_group import measure_by_group
from aet_keras.evaluation.conformal import calibrate, measure_coverage
from aet_keras.evaluation.features import FeatureImportance
from aet_keras.evaluation.guarantee import Guarantee
from aet_keras.evaluation.regression import measure_regression
from aet_keras.evaluation.tagging import TagAnswers, measure_tags
from aet_keras.export import card_sections, card_trust
from aet_keras.export.card import write_card
from aet_keras.export.card_facts import Facts, measured
from aet_keras.publishing.manifest import check_manifest, seal

ODD = "<b>|shirt`"


class Outline(HTMLParser):
    """Collects the tags and the words of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.words = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.words.append(data)


def _outline(path):
    found = Outline()
    found.feed(path.read_text(encoding="utf-8"))
    return found.tags, " ".join(found.words)


def _report(names=(ODD, "coat"), **more):
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 60)
    said = random.dirichlet((1, 1), 60)
    said[:40] = np.eye(2)[labels[:40]] * 0.8 + 0.1
    names = list(names)
    limit = calibrate(labels, said, coverage=0.9)
    return evaluation.Report(
        "clothes",
        "2026-01-31T12:00:00",
        evaluation.measure_classification(labels, said, class_names=names),
        history={"loss": [0.7]},
        coverage=measure_coverage(labels, said, limit, class_names=names),
        groups=(
            measure_by_group(
                labels, said, ["x", "y"] * 30, column="sex", positive=1
            ),
        ),
        train_count=1234,
        **more,
    )


@pytest.fixture
def version(tmp_path):
    """Returns a version with a report, and its card."""
    _report().save(tmp_path / "report.json")
    recipe = {"data": "a/clothes.csv", "kind": "table", "target": "kind"}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    (tmp_path / "saved_model.pb").write_bytes(b"x" * 5000)
    write_card(tmp_path, name="clothes")
    return tmp_path


def test_the_page_has_the_figures_and_loads_nothing(version):
    tags, words = _outline(version / "card.html")

    report = json.loads((version / "report.json").read_text())
    assert f"{report['accuracy']:.3f}" in words
    assert f"{report['coverage']['coverage']:.3f}" in words
    assert "1,234" in words
    assert "Largest gaps between groups: parity" in words
    assert ODD.replace("`", "") in words.replace("`", "")
    sources = [about.get("src") or about.get("href") for _, about in tags]
    assert {each for each in sources if each} == set()
    page = (version / "card.html").read_text()
    assert "url(" not in page and "<script" not in page
    assert "prefers-color-scheme: dark" in page


def test_a_name_with_signs_is_no_tag(version):
    page = (version / "card.html").read_text()

    assert "&lt;b&gt;|shirt" in page
    assert "<b>|shirt" not in page
    rows = (version / "card.md").read_text().splitlines()
    row, _ = [each for each in rows if each.startswith(r"| \<b\>\|shirt")]
    assert len(re.split(r"(?<!\\)\|", row)) == 6 + 2


def test_short_names_stand_above_the_confusions(tmp_path):
    _report(names=("7", "0")).save(tmp_path / "report.json")
    write_card(tmp_path, name="digits")

    rows = (tmp_path / "card.md").read_text().splitlines()
    place = rows.index("| true, then called | 7 | 0 |")
    assert [row.split(" | ")[0] for row in rows[place + 2 :][:2]] == [
        "| 7",
        "| 0",
    ]


def test_hubs_read_the_front_matter(version):
    content = (version / "card.md").read_text()

    about = yaml.safe_load(content.split("---\n")[1])
    assert about["pipeline_tag"] == "tabular-classification"
    hub = pytest.importorskip("huggingface_hub")
    card = hub.ModelCard(content)
    found = {each.metric_type: each for each in card.data.eval_results}
    report = json.loads((version / "report.json").read_text())
    assert found["accuracy"].metric_value == report["accuracy"]
    assert found["f1"].dataset_name == "clothes.csv"


def test_intervals_of_macro_figures_are_near_those_of_shares(version):
    # Two classes of like size: macro recall is nearly the accuracy.
    lines = (version / "card.md").read_text().splitlines()
    ends = {
        line.split("|")[1].strip(): [
            float(each) for each in line.split("|")[3].split(" to ")
        ]
        for line in lines
        if line.startswith(("| accuracy", "| macro recall"))
    }
    assert ends["accuracy"] == pytest.approx(ends["macro recall"], abs=0.04)


def test_what_is_not_known_is_said_to_be_unknown(tmp_path):
    write_card(tmp_path, name="bare")

    _, words = _outline(tmp_path / "card.html")
    assert "Unknown: this version has no report." in words
    assert "made at an unknown time" in words
    assert "train, validation, test" in words
    about = (tmp_path / "card.md").read_text().split("---\n")[1]
    assert yaml.safe_load(about)["license"] == "unknown"


def test_sums_cover_the_card(version):
    seal(version)
    check_manifest(version)

    (version / "card.html").write_text("another")

    with pytest.raises(Exception, match=r"card\.html"):
        check_manifest(version)


def test_a_limit_of_tags_that_was_not_measured_is_no_promise_of_the_truth():
    limit = Guarantee(0.8, 0.2, 4, "tags", thresholds=(0.5,))
    facts = SimpleNamespace(
        report={}, manifest={"guarantee": limit.to_json()}, adaptation={}
    )

    (said,) = card_trust.coverage_blocks(facts)

    assert (
        said == f"{limit.to_text()} What they cover on others was not measured."
    )
    assert "at most 0.2 are expected to be missed" in said


def facts_of(test, **more):
    report = evaluation.Report("a", "2026-01-31T12:00:00", test, **more)
    content = json.loads(json.dumps(report.to_json()))
    return Facts("a", Path(), {}, content, {}, {}, {})


def test_figures_of_tags_stand_beside_those_of_their_baselines():
    random = np.random.default_rng(0)
    tags = random.integers(0, 2, (40, 2))
    often = TagAnswers(tags.mean(axis=0))
    facts = facts_of(
        measure_tags(
            tags,
            np.clip(tags * 0.7 + random.uniform(0, 0.3, tags.shape), 0, 1),
            names=["red", "wool"],
            baselines={"tags as often": often},
            importance=[FeatureImportance("age", None, 0.2)],
        )
    )

    found = {each.name: each.baseline for each in measured(facts)}
    sections = {
        each.title: each.blocks for each in card_sections.sections(facts)
    }

    assert "tags as often" in found["macro F1"]
    assert "tags as often" in found["mean AP"]
    (table,) = sections["What it rests on"]
    assert table.header[1].startswith("mean AP lost")


def test_a_card_is_written_where_a_split_has_one_class_alone():
    of = {"class_names": ["hat", "shoe"]}
    labels, said = [0] * 3, [[0.9, 0.1]] * 3
    risk = evaluation.measure_risk(
        labels,
        said,
        positive="shoe",
        importance=[FeatureImportance("age", None, np.nan)],
        **of,
    )
    facts = facts_of(
        evaluation.measure_classification(labels, said, **of), risk=risk
    )

    sections = {e.title: e.blocks for e in card_sections.sections(facts)}

    assert sections["What it rests on"][0].rows == [("age", "unknown")]


def test_intervals_of_numbers_are_those_of_all_rows_and_not_of_the_kept_ones():
    random = np.random.default_rng(0)
    numbers = random.normal(size=20_000)
    said = numbers + random.normal(size=20_000)
    facts = facts_of(measure_regression(numbers, said))

    for figure in measured(facts):
        low, high = figure.ends
        assert low < figure.value < high
        # The standard error of an RMSE is 1 / sqrt(2 n) of it, 0.5 %.
        if figure.name == "RMSE":
            assert high - low == pytest.approx(4 * 0.005, rel=0.2)
