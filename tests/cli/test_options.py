"""Can a person find the options of a kind of data in the help?"""

from click.testing import CliRunner

from aet_keras.cli import main


def test_options_stand_under_their_headings_the_general_ones_first():
    lines = CliRunner().invoke(main, ["fit", "--help"]).output.splitlines()
    heads = [line for line in lines if line.endswith(":") and line[0] != " "]
    place = {line.split()[0]: i for i, line in enumerate(lines) if line.strip()}

    headings = ["Options", "Images", "Texts", "Tables", "Ratings", "Items"]
    assert [head for head in heads if head[:-1] in headings] == [
        f"{heading}:" for heading in headings
    ]
    assert place["Options:"] < place["--out"] < place["Images:"]
    assert place["Images:"] < place["--image-size"] < place["Texts:"]
    assert place["Texts:"] < place["--text-column"]
