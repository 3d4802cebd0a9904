"""Declares the settings that recipes of several kinds of data have."""

from collections.abc import Sequence
from typing import Any

from aet_keras import _check as check
from aet_keras import _choices
from aet_keras.recipes.setting import MOST_SEED, Setting

# Those that write the rate too would disagree with the policy of the rate.
THAW_POLICIES = (
    "AttendToGradients",
    "FreezeSettled",
    "FreezeSlow",
    "FreezeWhenItPays",
    "ThawAll",
    "ThawOnSchedule",
    "ThawOnStall",
    "ThawTopThenAll",
)
RATE_POLICIES = ("AdaptToNoise", "AdaptToTrend", "DecayOnStall", "WarmupCosine")

TARGET = Setting(
    "Column to predict: a class, at most 1000 of them, 50 if they are "
    "numbers; a number; or tags, such as red;wool."
)
LABEL_COLUMNS = Setting(
    "Columns of 0 and 1, or no and yes, in place of a target: tags, of which "
    "a row may have several. a,b,c, or the option several times.",
    "columns",
    metavar="COLUMN",
)
TARGET_KIND = Setting(
    "What is predicted; auto: fractions, and more than 20 whole numbers, are "
    "a number, and words with ; or | or a comma between them are tags.",
    among=_choices.TARGET_KINDS,
)
BACKBONE = Setting(
    "An image model of keras.applications by name, or `embedded`; for texts "
    "a preset of KerasHub, the folder of one, or FILE.keras."
)
WEIGHTS = Setting(
    "imagenet, none (random), or FILE.weights.h5.",
    default="what the backbone comes with",
)
IMAGE_SIZE = Setting(
    "Height and width in pixels.",
    least=1,
    most=8192,
    default="64 embedded, 160 others",
)
VOCABULARY = Setting(
    "Of a backbone in a .keras file: its WordPieces or SentencePiece model.",
    metavar="FILE",
    default="the backbone's own",
)
SEQUENCE_LENGTH = Setting(
    "Tokens of a text that are read.",
    least=3,
    default="those of 95 % of the texts, at most 256",
)
KINDS = Setting(
    "number, category, date or ignore, where the guess is wrong.",
    among=_choices.COLUMN_KINDS,
    option="--kind",
    metavar="COLUMN=KIND",
    default="what the cells show",
)
SPLIT_COLUMN = Setting(
    "Column that says train, validation or test.", default="split at random"
)
EPOCHS = Setting("The most there will be.", least=1)
BATCH_SIZE = Setting("Rows in a step.", least=1)
LEARNING_RATE = Setting(
    "The head's, for Adam; of tables the network's.", above=0
)
DROPOUT = Setting(
    "Share of the features that are dropped at random before the head, of "
    "tables within the network.",
    least=0,
    most=0.999,
)
THAW = Setting("When groups of the backbone thaw.", among=THAW_POLICIES)
RATE = Setting("How the learning rate goes.", among=RATE_POLICIES)
ANCHOR_STRENGTH = Setting(
    "How firmly the backbone is held where it was; of tables the earlier "
    "model of --from.",
    above=0,
)
LORA = Setting(
    "Rank of the low-rank adapters that learn in the backbone's place (LoRA); "
    "merged in the end.",
    least=1,
    default="the backbone itself learns",
)
TEACHER = Setting(
    "saved_models/BIG, a model of the same classes, tags or number whose "
    "answers are learned beside the labels; of images FILE.keras, too.",
    metavar="MODEL",
    default="labels alone",
)
CLASS_WEIGHT = Setting(
    "Let each class count the same, however many rows it has: by weights while "
    "it is learned, or adjusted in the head's bias afterwards.",
    among=("balanced", "adjusted"),
    default="each row counts the same",
)
CLASS_ORDER = Setting(
    "The classes from the lowest to the highest, a,b,c, or `numbers` where all "
    "are: the report says how far off they are.",
    "columns",
    metavar="CLASS",
    default="they have no order",
)
FROM = Setting(
    "saved_models/OLD, an earlier model, which is adapted to these rows. Of "
    "images and texts, it keeps what it knows of classes and tags of the same "
    "name; of tables and items, it must have the same columns; of ratings, it "
    "learns the users it does not know, and nothing else.",
    metavar="FOLDER",
    default="a new model",
)
MISSING = Setting(
    "Means a missing cell or label, beside an empty one.",
    metavar="WORD",
    default="NaN, NULL, N/A, #N/A, <NA> and the like; of numbers and dates "
    "also ?, -, NA, None, unknown",
)
DECIMAL = Setting(
    "Sign before the decimals, where no cell shows which one it is.",
    among=(".", ","),
    default="what the cells show",
)
DATE_FORMATS = Setting(
    "How dates are written, such as %d.%m.%Y.",
    "dates",
    option="--date-format",
    metavar="FORMAT",
    default="what the cells show",
)
COVERAGE = Setting(
    "Answer with a set of classes, or an interval, that holds the truth as "
    "often: 0.9; of tags, with a set that is expected to miss at most the rest "
    "of a row's tags (conformal risk control). Half of the test rows calibrate "
    "it.",
    above=0,
    most=0.999,
    default="no sets",
)
REPORT_BY = Setting(
    "Figures of each group that columns make, whether the model sees them or "
    "not: age<=25,sex.",
    "columns",
    metavar="COLUMN[<=NUMBER]",
    default="of all rows together",
)
VALIDATION_RATIO = Setting(
    "Share of the rows that decisions are made on, if the data has no such "
    "split of its own.",
    above=0,
    most=1,
)
TEST_RATIO = Setting(
    "Share of the rows that the report is measured on, likewise.",
    above=0,
    most=1,
)
SEED = Setting(
    "Of the splits, the start, and the order.", least=0, most=MOST_SEED
)
ENCODING = Setting(
    "How a file, or texts, are written down, such as utf-8 or cp1252; auto "
    "looks at the bytes.",
    "encoding",
)


IMAGE_COLUMN = Setting(
    "Of a table of images: the column of their files, paths from its folder "
    "on; --target or --label-columns says what is predicted."
)


def check_of_use(
    recipe: Any, *names: str, why: str, error: type[Exception] = ValueError
) -> None:
    """Raises if a setting is given that would change nothing.

    Args:
        recipe: of any kind.
        names: settings that have no effect on this run.
        why: str. Why not, as the end of a sentence.
        error: what is raised.
    """
    name = recipe.given_of(*names)
    if name is not None:
        called, given = recipe.named(name), {name: getattr(recipe, name)}
        check.left_out(
            recipe.owner, why=why, called=called, error=error, **given
        )


def check_earlier(recipe: Any) -> None:
    """Raises if a setting does not go with the earlier model of `--from`."""
    if recipe.from_ is None:
        return
    if recipe.teacher is not None:
        raise ValueError(
            f"{recipe.owner}: `teacher` must not go with `from_`, because the "
            "earlier model is drawn towards what labels alone say. Received: "
            f"teacher={recipe.teacher!r}. Leave one of both out."
        )
    for name in ("kinds", "missing", "decimal", "date_formats"):
        given = getattr(recipe, name)
        if given is not None:
            raise ValueError(
                f"{recipe.owner}: `{name}` must not go with `from_`, because "
                "the earlier model knows its columns as they are. "
                f"Received: {name}={given!r}. Leave it out, or train anew."
            )


def check_as_earlier(recipe: Any, **known: Any) -> None:
    """Raises if settings are not those of the earlier model of `--from`.

    Args:
        recipe: of any kind, with `from_`.
        **known: what the earlier model settles.

    Raises:
        ValueError: naming the first that differs.
    """
    for name, value in known.items():
        if (given := getattr(recipe, name)) != value:
            raise ValueError(
                f"{recipe.owner}: {recipe.named(name)} must be that of the "
                "earlier model (`--from`), which stays as it was built. "
                f"Received: {given!r}, where it has {value!r}. Leave it out, "
                "or train anew."
            )


def note_of_earlier(recipe: Any, *names: str) -> list[str]:
    """Notes that a setting is that of the earlier model of `--from`.

    It may stand in a recipe that is used again, and is no mistake there.
    """
    name = recipe.given_of(*names)
    if recipe.from_ is None or name is None:
        return []
    return [
        f"{recipe.named(name)} is not used: the earlier model stays as it was "
        "built."
    ]


def check_workers(recipe: Any, count: int) -> None:
    """Raises a ValueError if one process has to run what several are given.

    Args:
        recipe: of any kind.
        count: int >= 0. Processes.
    """
    why = None
    if recipe.kind == "item":
        why = "items must be learned by one process"
    elif getattr(recipe, "unlabelled", None) and not recipe.teacher:
        why = (
            "images without labels (`--unlabelled`) must be learned by one "
            "process, if no teacher (`--teacher`) says what they are"
        )
    if count > 1 and why is not None:
        raise ValueError(
            f"{recipe.owner}: {why}, because the head is solved on the "
            f"features of all rows. Received: {count} workers. Leave "
            "`--workers` out and `TF_CONFIG` unset."
        )


def check_one_target(
    recipe: Any, target: str | None, label_columns: Sequence[str] | None
) -> None:
    """Raises unless a recipe says in one way what is predicted."""
    if (target is None) == (not label_columns):
        many = "both" if label_columns else "neither"
        raise ValueError(
            f"{recipe.owner}: {recipe.named('target')} must be given, or "
            f"{recipe.named('label_columns')}, and not both, because "
            f"{recipe.rows} cannot be learned from without it. Received: "
            f"{many}. Name one."
        )
    check_tags(recipe, label_columns)


def check_tags(recipe: Any, label_columns: Sequence[str] | None) -> None:
    """Raises if a recipe has columns of tags, and means something else."""
    if label_columns and recipe.target_kind not in ("auto", "tags"):
        raise ValueError(
            f"{recipe.owner}: {recipe.named('label_columns')} must be tags, "
            "because a row may have several. Received: target_kind="
            f"{recipe.target_kind!r}. Leave it out, or name one target."
        )
