"""Reading pictures and masks from files, through Pillow, which is imported when it is needed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from studio.data.errors import DataError, shown
from studio.data.progress import Progress
from studio.data.source import PICTURE_ENDINGS

if TYPE_CHECKING:
    from PIL.Image import Image

#: What Pillow may take files for.
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
#: Modes of Pillow in which a picture has no colours.
_GREY = frozenset(("1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"))
#: Files that are read at the same time, and between two looks whether to go on.
_AT_ONCE, _PIECE = 4, 64
#: A picture that would unpack to more pixels is refused.
_MOST_PIXELS = 1 << 26
#: The exchangeable image file's tag of how a picture is turned; from 5 on it lies on its side.
_ORIENTATION = 0x0112

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@cache
def _pillow() -> Any:
    try:
        from PIL import Image, ImageOps  # noqa: F401
    except ImportError:
        raise DataError("Reading pictures needs the library Pillow, which is missing: run `pip install pillow`.") from None
    import PIL

    # It warns of what is odd in a file that can be read all the same, and of large pictures, which are refused here.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    return PIL


def is_picture(path: Path) -> bool:
    """Whether a file's name is that of a picture."""
    return path.suffix.lower() in PICTURE_ENDINGS and not path.name.startswith(".")


@dataclass(frozen=True)
class Look:
    """What a picture's header says.

    Parameters
    ----------
    size : (int, int)
        Height and width in pixels, upright.
    coloured : bool
        Whether it has colours.
    deep : bool
        Whether its greys are finer than 256 steps.
    """

    size: tuple[int, int]
    coloured: bool
    deep: bool


def look(path: Path) -> Look:
    """What a picture is like; only its header is read.

    Raises
    ------
    DataError
        When it is not a picture.
    """
    with _opened(path) as picture:
        width, height = picture.size
        # Of a PNG it would be behind the pixels, which would have to be read before.
        if picture.format in ("JPEG", "TIFF", "WEBP") and picture.getexif().get(_ORIENTATION, 1) >= 5:
            width, height = height, width
        coloured = picture.mode not in _GREY and not _grey_palette(picture)
        return Look((height, width), coloured, _is_deep(picture))


def read_picture(path: Path, size: tuple[int, int], channels: int, deep: bool = False) -> np.ndarray:
    """A picture in another size: ``(height, width, channels)``.

    What is transparent becomes white, as a viewer shows it; other proportions are stretched.

    Parameters
    ----------
    size : (int, int)
        Height and width in pixels.
    channels : int
        1 for greys, 3 for red, green and blue.
    deep : bool
        Whether pixels are float32 from 0 to 1, rather than uint8.

    Raises
    ------
    DataError
        When it is not a picture, or is damaged.
    """
    height, width = size
    with _opened(path) as picture:
        pillow = _pillow()
        if picture.format == "JPEG":
            side = max(size)
            picture.draft("L" if channels == 1 else "RGB", (side, side))  # decodes no more than is needed
        upright = pillow.ImageOps.exif_transpose(picture)
        most = 255.0
        if _is_deep(upright):
            upright, most = pillow.Image.fromarray(np.asarray(upright, np.float32)), 65535.0
        elif upright.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in upright.info:
            ground = pillow.Image.new("RGBA", upright.size, "white")
            upright = pillow.Image.alpha_composite(ground, upright.convert("RGBA"))
        if most == 255.0:
            upright = upright.convert("L" if channels == 1 else "RGB")
        if upright.size != (width, height):
            upright = upright.resize((width, height), pillow.Image.Resampling.BILINEAR)
        pixels = np.array(upright).reshape(height, width, -1)
    if deep or most > 255.0:
        shares = np.clip(pixels.astype(np.float32) / np.float32(most), 0.0, 1.0)
        pixels = shares if deep else np.rint(shares * 255.0).astype(np.uint8)
    return np.repeat(pixels, channels, 2) if pixels.shape[2] < channels else pixels


def read_mask(path: Path) -> np.ndarray:
    """The pixels of a mask: whole numbers, uint8 or int32 ``(height, width)``.

    Those of a palette or of greys are as they are in the file; colours become
    ``red * 65536 + green * 256 + blue``.

    Raises
    ------
    DataError
        When it is not a picture, or is damaged.
    """
    with _opened(path) as picture:
        if picture.mode in ("P", "L", "1"):
            return np.array(picture.convert("L") if picture.mode == "1" else picture, np.uint8)
        if picture.mode == "I" or picture.mode.startswith("I;16"):
            return np.array(picture, np.int32)
        colours = np.asarray(picture.convert("RGB"), np.int32)
        return colours[..., 0] << 16 | colours[..., 1] << 8 | colours[..., 2]


def has_colours(path: Path) -> bool:
    """Whether the pixels of a mask are colours rather than numbers."""
    with _opened(path) as picture:
        return picture.mode not in ("P", "1", "L", "I") and not picture.mode.startswith("I;16")


def nearest_pixels(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A mask in another size: each pixel is the nearest one of the mask's."""
    rows, columns = (
        np.minimum((np.arange(wanted) + 0.5) * there / wanted, there - 1).astype(np.int64)
        for wanted, there in zip(size, mask.shape, strict=True)
    )
    return np.asarray(mask[rows[:, None], columns[None, :]])


def for_each(items: Sequence[_Item], act: Callable[[_Item], _Result], progress: Progress) -> Iterator[_Result]:
    """What `act` gives for each of some files, in their order; several are read at the same time.

    Raises
    ------
    DataError
        When a file cannot be read: of several, for the first.
    """
    with ThreadPoolExecutor(_AT_ONCE, "studio-pictures") as pool:
        for start in range(0, len(items), _PIECE):
            progress(start, len(items))
            yield from pool.map(act, items[start : start + _PIECE])
    progress(len(items), len(items))


@contextmanager
def _opened(path: Path) -> Iterator[Image]:
    pillow = _pillow()
    name = shown(f"{path.parent.name}/{path.name}", 120)
    try:
        with pillow.Image.open(path, formats=_FORMATS) as picture:
            if picture.width * picture.height > _MOST_PIXELS:
                raise pillow.Image.DecompressionBombError
            yield picture
    except DataError:
        raise
    except (pillow.Image.DecompressionBombWarning, pillow.Image.DecompressionBombError):
        raise DataError(f"{name} has more than 67 million pixels: make it smaller, or take it out of the folder.") from None
    except FileNotFoundError:
        raise DataError(f"{name} is gone since the folder was looked into: try again.") from None
    except pillow.UnidentifiedImageError:
        raise DataError(f"{name} is not a picture that can be read: save it as PNG, or take it out of the folder.") from None
    except MemoryError:
        raise DataError(f"{name} does not fit into memory: make it smaller.") from None
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, OverflowError) as error:
        # What Pillow raises for a damaged file depends on its kind.
        reason = getattr(error, "strerror", None)
        if isinstance(error, OSError) and reason:
            raise DataError(f"{name} cannot be read ({reason.lower()}): take it out of the folder.") from None
        raise DataError(f"{name} is damaged: save it again, or take it out of the folder.") from None


def _is_deep(picture: Image) -> bool:
    """Whether its greys have 16 or more bits."""
    return picture.mode in ("I", "F") or picture.mode.startswith("I;16")


def _grey_palette(picture: Image) -> bool:
    if picture.mode != "P" or picture.palette is None:
        return False
    colours = np.frombuffer(bytes(picture.getpalette("RGB") or ()), np.uint8).reshape(-1, 3)
    return bool((colours == colours[:, :1]).all())
