"""How much of its accuracy does a model keep on corrupted images?"""

import functools
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from aet_keras._optional import optional
from aet_keras.evaluation.answer_rule import LIKELIEST, AnswerRule
from aet_keras.evaluation.intervals import wilson

SEVERITIES = (1, 2, 3)
_SIDE = 96  # a blur is as strong on images of any size


@dataclass(frozen=True)
class Stressed:
    """Holds the accuracy on images that are corrupted in one way.

    Args:
        name: str. The corruption.
        accuracies: tuple of float, by ascending severity.

    Example:

    >>> from aet_keras.evaluation.robustness import Stressed
    >>> Stressed("blur", (0.8, 0.7, 0.5)).accuracies[-1]
    0.5
    """

    name: str
    accuracies: tuple[float, ...]


@dataclass(frozen=True)
class Attacks:
    """Holds the accuracy that attacks leave.

    Args:
        clean: float. Of the same images as they are.
        rows: tuple of `Stressed`: each attack, at 1, 2 and 4 of 255.
        count: int. How many images were attacked.

    Example:

    >>> from aet_keras.evaluation.robustness import Attacks, Stressed
    >>> found = Attacks(0.8, (Stressed("FGSM", (0.4, 0.2, 0.1)),), 200)
    >>> print(found.to_text())
    attacked       1/255   2/255   4/255   (200 images, 0.800 as they are)
    FGSM           0.400   0.200   0.100
    """

    clean: float
    rows: tuple[Stressed, ...]
    count: int

    def to_text(self) -> str:
        """Returns a table, for 80 columns."""
        return "\n".join(
            [
                f"{'attacked':<12}   1/255   2/255   4/255   "
                f"({self.count} images, {self.clean:.3f} as they are)",
                *map(_line, self.rows),
            ]
        )


@dataclass(frozen=True)
class Robustness:
    """Holds the accuracy on clean images, corrupted and attacked ones.

    Args:
        clean: float.
        corrupted: tuple of `Stressed`.
        count: int. How many images were measured, each in all ways.
        seen: tuple of str. The corruptions that training had as well.
        attacks: `Attacks`, or `None` if none was tried.

    Example: see `measure_robustness`.
    """

    clean: float
    corrupted: tuple[Stressed, ...]
    count: int
    seen: tuple[str, ...] = ()
    attacks: Attacks | None = None

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Robustness":
        """Returns the record that `asdict` wrote down."""
        attacks = content.get("attacks")
        return cls(
            content["clean"],
            _rows(content["corrupted"]),
            content["count"],
            tuple(content.get("seen") or ()),
            attacks
            and Attacks(
                attacks["clean"], _rows(attacks["rows"]), attacks["count"]
            ),
        )

    @property
    def mean(self) -> float:
        """The mean accuracy over all corruptions and severities."""
        return _mean(self.corrupted)

    @property
    def means(self) -> dict[str, float]:
        """The mean accuracy over kinds that training saw, and over others."""
        parts = {
            "seen": [e for e in self.corrupted if e.name in self.seen],
            "unseen": [e for e in self.corrupted if e.name not in self.seen],
        }
        return {key: _mean(rows) for key, rows in parts.items() if rows}

    def to_text(self) -> str:
        """Returns a table, for 80 columns."""
        low, high = wilson(round(self.clean * self.count), self.count)
        lines = [
            f"clean {self.clean:.3f} (95 %: {low:.3f} to {high:.3f})   "
            f"corrupted {self.mean:.3f} on average   ({self.count} images)",
        ]
        if self.seen:
            lines += [
                f"kinds that training saw {self.means['seen']:.3f}, "
                f"kinds that it never saw {self.means['unseen']:.3f}",
            ]
        lines += [f"{'':<12}  {'mild':>6}  {'medium':>6}  {'strong':>6}"]
        lines += [
            _line(each) + ("   seen" if each.name in self.seen else "")
            for each in self.corrupted
        ]
        if self.attacks is not None:
            lines += ["", self.attacks.to_text()]
        return "\n".join(lines)


def _line(row):
    figures = "  ".join(f"{each:6.3f}" for each in row.accuracies)
    return f"{row.name:<12}  {figures}"


def _mean(rows):
    return float(np.mean([each.accuracies for each in rows]))


def _rows(content):
    return tuple(
        Stressed(each["name"], tuple(each["accuracies"])) for each in content
    )


def measure_robustness(
    model: Any,
    images: Any,
    labels: Any,
    *,
    rule: AnswerRule = LIKELIEST,
    seed: int = 0,
) -> Robustness:
    """Measures a classifier on images that are corrupted in eight ways.

    Noise, blur, JPEG, coarse pixels, little contrast, too much light, a
    coloured light and a rotation, each at three severities, after
    [Hendrycks and Dietterich, 2019](https://arxiv.org/abs/1903.12261). Nothing
    is said of images that somebody changes to deceive the model.

    Args:
        model: has `predict` of uint8 images, which returns probabilities.
        images: uint8 array `(count, height, width, 3)`.
        labels: ints `(count,)`.
        rule: `AnswerRule`, which class is answered. Defaults to the
            likeliest.
        seed: int >= 0. Of the noise.

    Cost: 25 passes over the images.

    Example:

    >>> from aet_keras.evaluation.robustness import measure_robustness
    >>> class Light:
    ...     def predict(self, images, **settings):
    ...         light = images.mean(axis=(1, 2, 3)) / 255
    ...         return np.stack([1 - light, light], axis=1)
    >>> images = np.zeros((4, 8, 8, 3), "uint8")
    >>> images[2:] = 200
    >>> found = measure_robustness(Light(), images, [0, 0, 1, 1])
    >>> found.clean, len(found.corrupted)
    (1.0, 8)
    """
    images, labels = np.asarray(images), np.asarray(labels)

    def accuracy(changed):
        said = model.predict(changed, batch_size=128, verbose=0)
        return float((rule.answers(said) == labels).mean())

    return Robustness(
        accuracy(images),
        tuple(
            Stressed(name, tuple(accuracy(each) for each in changed))
            for name, changed in _corrupted(images, seed)
        ),
        len(labels),
    )


def _corrupted(
    images: np.ndarray, seed: int
) -> Iterator[tuple[str, Iterator[np.ndarray]]]:
    """Yields each corruption, and the images at each severity."""
    for name, (change, strengths) in _CORRUPTIONS.items():
        yield (
            name,
            (
                change(
                    images, strength, np.random.default_rng([seed, severity])
                )
                for severity, strength in zip(
                    SEVERITIES, strengths, strict=True
                )
            ),
        )


def _clipped(values):
    return np.clip(np.rint(values), 0, 255).astype("uint8")


def _noise(images, strength, random):
    return _clipped(images + random.normal(0, 255 * strength, images.shape))


def _contrast(images, strength, random):
    middle = images.mean(axis=(1, 2, 3), keepdims=True)
    return _clipped(middle + (images - middle) * strength)


def _light(images, strength, random):
    return _clipped(images.astype("float32") + strength)


def _cast(images, strength, random):
    return _clipped(images * np.array([1 + strength, 1, 1 - strength]))


def _each(images, strength, random, *, change: Callable):
    pillow = optional("PIL.Image", extra="training")
    changed = [change(pillow.fromarray(each), strength) for each in images]
    return np.stack([np.asarray(each) for each in changed])


def _blurred(image, strength):
    filters = optional("PIL.ImageFilter", extra="training")
    radius = strength * image.width / _SIDE
    return image.filter(filters.GaussianBlur(radius))


def _as_jpeg(image, quality):
    pillow = optional("PIL.Image", extra="training")
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return pillow.open(buffer).convert("RGB")


def _coarse(image, ratio):
    pillow = optional("PIL.Image", extra="training")
    small = (
        max(1, round(image.width * ratio)),
        max(1, round(image.height * ratio)),
    )
    few = image.resize(small, pillow.Resampling.BOX)
    return few.resize(image.size, pillow.Resampling.NEAREST)


def _rotated(image, degrees):
    pillow = optional("PIL.Image", extra="training")
    bilinear = pillow.Resampling.BILINEAR
    return image.rotate(degrees, bilinear, fillcolor=(128,) * 3)


_CORRUPTIONS: dict[str, tuple[Callable, tuple[float, ...]]] = {
    "noise": (_noise, (0.06, 0.12, 0.2)),
    "blur": (functools.partial(_each, change=_blurred), (0.8, 1.5, 2.5)),
    "JPEG": (functools.partial(_each, change=_as_jpeg), (40, 20, 10)),
    "coarse": (functools.partial(_each, change=_coarse), (0.6, 0.4, 0.25)),
    "contrast": (_contrast, (0.6, 0.4, 0.2)),
    "light": (_light, (40, 70, 100)),
    "colour cast": (_cast, (0.2, 0.4, 0.6)),
    "rotation": (functools.partial(_each, change=_rotated), (10, 20, 35)),
}
