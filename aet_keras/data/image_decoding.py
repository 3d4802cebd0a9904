"""Decodes images of any kind into 8-bit RGB of one size."""

import contextlib
import io
import re
import struct
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from aet_keras._optional import needing, optional
from aet_keras._wording import counted

# Pillow opens more, EPS through an outside program among them: images come
# from anywhere, so only what needs none.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")

# What was done about it, after the count and the noun.
_CONVERSIONS = {
    "animated image": "cut to the first frame",
    "greyscale image": "read as RGB",
    "palette image": "read as RGB",
    "image with an alpha channel": "laid on white",
    "16-bit image": "scaled to 8 bits",
    "CMYK image": "converted to RGB",
    "image of another colour space": "converted to RGB",
}


Encoded = str | bytes | np.ndarray


def decode(
    source: Encoded, image_size: tuple[int, int]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Reads one image as RGB, upright and of the size asked for.

    The first frame is taken, EXIF orientation applied, transparency laid on
    white, 16 bits scaled to 8. The whole image is stretched to the size,
    bilinear with antialiasing (Pillow's triangle filter, widened where it
    shrinks), the aspect ratio not kept. `export` writes a graph that makes
    the same pixels of a JPEG or PNG: what is changed here changes there.

    Args:
        source: str, bytes or array. A path, an encoded image, or uint8
            pixels `(height, width)`, or with 1 or 3 channels last.
        image_size: `(height, width)`.

    Returns:
        A uint8 array `(height, width, 3)`, and what had to be converted: keys
        for `conversion_notes`.

    Raises:
        Exception: of any kind, if the image is damaged.
    """
    Image = optional("PIL.Image", extra="training")

    if isinstance(source, np.ndarray):
        if source.ndim == 3 and source.shape[-1] == 1:
            source = source[..., 0]
        is_grey = source.ndim == 2
        return resize(source, image_size), ("greyscale image",) * is_grey
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    with Image.open(file, formats=FORMATS) as image:
        # A JPEG is decoded at a half, a quarter or an eighth of its size
        # where that is still twice what is asked for: several times faster.
        image.draft(None, (2 * max(image_size),) * 2)
        # The second frame of an MPO is the other eye or a preview.
        is_animated = getattr(image, "is_animated", False)
        is_animated = is_animated and image.format != "MPO"
        _mend(image)
        rgb, conversion = _to_rgb(_upright(image), image.format)
    conversions = ("animated image",) * is_animated + conversion
    return resize(rgb, image_size), conversions


def resize(image: Any, image_size: tuple[int, int]) -> np.ndarray:
    """Returns a PIL image or uint8 array as `(height, width, 3)`, resized."""
    Image = optional("PIL.Image", extra="training")

    if isinstance(image, np.ndarray):
        image = Image.fromarray(image).convert("RGB")
    height, width = image_size
    # Columns first, then rows, each rounded. Pillow 13 would choose the order
    # by the sizes, and older ones would not: pixels differ by 1.
    for size in ((width, image.height), (width, height)):
        if image.size != size:
            image = image.resize(size, Image.Resampling.BILINEAR)
    return np.asarray(image)


def _mend(image):
    """Corrects the transparency of a PNG that Pillow misreads."""
    rawmode = image.tile[0][3] if image.format == "PNG" and image.tile else ""
    seen_through = image.info.get("transparency")
    if rawmode in ("L;2", "L;4") and seen_through is not None:
        # Pillow scales the pixels to 8 bits, and not what is to be clear.
        most = 3 if rawmode == "L;2" else 15
        if seen_through <= most:
            image.info["transparency"] = seen_through * 255 // most
    if rawmode == "RGB;16B":  # it cuts off what would tell colours apart
        image.info.pop("transparency", None)


def _upright(image):
    """Returns an image upright, as its EXIF orientation says.

    Of a JPEG or PNG its block of EXIF says so and nothing else, because a
    graph can read that too; Pillow would look into XMP as well.
    """
    with needing("training"):
        from PIL import Image, ImageOps

    if image.format not in ("JPEG", "MPO", "PNG"):
        return ImageOps.exif_transpose(image)
    image.load()  # a PNG may hold it behind the pixels
    turns = (
        Image.Transpose.FLIP_LEFT_RIGHT,
        Image.Transpose.ROTATE_180,
        Image.Transpose.FLIP_TOP_BOTTOM,
        Image.Transpose.TRANSPOSE,
        Image.Transpose.ROTATE_270,
        Image.Transpose.TRANSVERSE,
        Image.Transpose.ROTATE_90,
    )
    code = _orientation(image.info.get("exif", b""))
    return image if code < 2 else image.transpose(turns[code - 2])


def _orientation(block):
    """Returns entry 0x0112 of the first directory of EXIF, from 1 to 8."""
    block = re.sub(rb"^(?:Exif\0\0){1,2}", b"", block[:65536])
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None or len(block) < 8:
        return 1
    (start,) = struct.unpack_from(f"{order}I", block, 4)
    if start + 2 > len(block):
        return 1
    (count,) = struct.unpack_from(f"{order}H", block, start)
    most_entries = (len(block) - start - 2) // 12
    for number in range(min(count, most_entries)):
        entry = struct.unpack_from(
            f"{order}HHIH", block, start + 2 + 12 * number
        )
        if entry[0] == 0x0112:
            return entry[3] if entry[1] == 3 and 1 <= entry[3] <= 8 else 1
    return 1


def _to_rgb(image, kind):
    ImageChops = optional("PIL.ImageChops", extra="training")

    if image.mode.startswith(("I", "F")):
        return _from_deep(image, kind), ("16-bit image",)
    if image.has_transparency_data:
        return _on_white(image), ("image with an alpha channel",)
    if image.mode == "RGB":
        return image, ()
    names = {
        "1": "greyscale image",
        "L": "greyscale image",
        "P": "palette image",
        "CMYK": "CMYK image",
    }
    name = names.get(image.mode, "image of another colour space")
    if image.mode == "CMYK" and kind == "JPEG" and "adobe" not in image.info:
        image = ImageChops.invert(image)  # Pillow takes all for Adobe's
    return image.convert("RGB"), (name,)


def _on_white(image):
    Image = optional("PIL.Image", extra="training")

    layer = image.convert("RGBA")
    white = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(white, layer).convert("RGB")


def _from_deep(image, kind):
    Image = optional("PIL.Image", extra="training")

    # Pillow's own conversion clips at 255 instead of scaling. A 16-bit PNG
    # is `I` in older Pillows; elsewhere `I` and `F` have no fixed range.
    if not image.mode.startswith("I;16") and kind != "PNG":
        raise ValueError("pixels of 32 bits have no fixed range")
    values = np.asarray(image).astype("uint32")
    grey = ((values + 128) // 257).astype("uint8")
    return Image.fromarray(grey).convert("RGB")


def conversion_notes(counts: Mapping[str, int]) -> tuple[str, ...]:
    """Returns one sentence for each kind of image that was converted."""
    notes = []
    for noun, done in _CONVERSIONS.items():
        if count := counts.get(noun, 0):
            nouns = noun.replace("image", "images")
            what = counted(count, f"{noun} was", f"{nouns} were")
            notes.append(f"{what} {done}.")
    return tuple(notes)


@contextlib.contextmanager
def bombs_refused() -> Iterator[None]:
    """Makes Pillow's warning about an outsized image an error.

    Its other warnings are about metadata, which is not used. Enter it before
    threads start: warning filters belong to the process.
    """
    Image = optional("PIL.Image", extra="training")

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\..*")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


_COLOURED = 10.0  # a colourfulness of 15 is seen as slightly coloured
_MOST = 256


def coloured_share(images: Any) -> float:
    """Returns the share of images that a person sees as coloured.

    An image counts where its colourfulness is above 10: the spread of the
    differences of its channels, and 0.3 times their means. Grey images
    have 0, also where they were saved with three channels.

    Args:
        images: uint8 array `(count, height, width, 3)`, at least one. Of
            many, 256 are looked at, evenly spaced.

    Returns:
        float from 0 to 1.

    Example:

    >>> grey = np.repeat(np.arange(64, dtype="uint8").reshape(1, 8, 8, 1), 3, 3)
    >>> aet_keras.data.image_decoding.coloured_share(grey)
    0.0

    Reference:
        [Hasler and Süsstrunk, 2003](https://doi.org/10.1117/12.477378).
    """
    places = np.linspace(0, len(images) - 1, min(len(images), _MOST))
    found = [_colourfulness(images[int(place)]) for place in places]
    return float(np.mean(np.array(found) > _COLOURED))


def _colourfulness(image):
    red, green, blue = np.moveaxis(np.asarray(image, "float32"), -1, 0)
    differences = red - green, (red + green) / 2 - blue
    spread = np.hypot(*(each.std() for each in differences))
    mean = np.hypot(*(each.mean() for each in differences))
    return spread + 0.3 * mean
