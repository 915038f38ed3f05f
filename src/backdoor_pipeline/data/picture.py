"""An encoded picture as a person sees it: upright, on white, 8 bits a channel, whatever format and mode."""

import io
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np
from PIL import ExifTags, Image

# Formats that Pillow names but that are not read: it hands EPS to another program and WMF to Windows; opens
# what IPTC holds, which may be EPS; knows the next four by their first bytes only; and FITS is measurements.
NOT_PICTURES = frozenset({"EPS", "WMF", "IPTC", "BUFR", "GRIB", "HDF5", "MPEG", "FITS"})
WHITE = (255, 255, 255, 255)  # what is seen through a transparent picture
UPRIGHT = 1
TURNS = {  # by the EXIF tag Orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
TIFF_BITS, TIFF_MEANING, TIFF_WHITE_IS_ZERO = 258, 262, 0


class PictureError(ValueError):
    """Bytes that no decoder takes for a whole picture."""


class UnclearPictureError(PictureError):
    """A whole picture, but there is no telling what it shows; the message says why and what to do."""


def read_picture(data: bytes) -> Image.Image:
    """The (first) picture in these bytes as a person sees it: mode L or RGB.

    Raises:
        PictureError: if they are not a whole picture, or an unclear one.
    """
    try:
        with _open(data) as picture:
            return as_seen(picture)
    except PictureError:
        raise
    except Image.DecompressionBombError as error:
        limit = f"{2 * (Image.MAX_IMAGE_PIXELS or 0):,}"
        raise UnclearPictureError(f"it has more than {limit} pixels: make it smaller") from error
    except Exception as error:  # Pillow's plugins raise whatever the damage makes them
        raise PictureError("not a whole picture") from error


def as_seen(picture: Image.Image) -> Image.Image:
    """A picture of any mode as mode L or RGB: turned as its metadata say, on white where it is transparent.

    | mode | what is seen |
    |---|---|
    | 1, L, P, RGB, RGBX, YCbCr, HSV, CMYK | as Pillow converts it; a color profile has no say |
    | LA, La, PA, RGBA, RGBa, a transparent color | laid on white |
    | LAB | by CIE's formulas (D50) to sRGB |
    | I;16 in any byte order | 0..65535 to 0..255, rounded; 0..4095 if a TIFF has 12 bits |
    | I | the same where the format has 16 bits at most (PNG, PGM); else refused |
    | F | 0..1 to 0..255, rounded; any value outside is refused |

    Raises:
        UnclearPictureError: if nothing says which of its values is white.
    """
    picture.load()
    turn = _turn(picture)
    shown = _on_white(EIGHT_BIT.get(picture.mode, lambda same: same)(picture))
    return shown if turn is None else shown.transpose(turn)


def is_turned(data: bytes) -> bool:
    """Whether the metadata of an encoded picture turn or mirror it; damaged ones do not."""
    with suppress(Exception), _open(data) as picture:
        return _turn(picture) is not None
    return False


@cache
def extensions() -> frozenset[str]:
    """The lower-case extensions of the files that `read_picture` reads."""
    known = {*_formats(), "MPO"}  # which Pillow opens as a JPEG
    return frozenset(end for end, name in Image.registered_extensions().items() if name in known)


@cache
def _formats() -> list[str]:
    Image.init()
    return [name for name in Image.ID if name not in NOT_PICTURES]


def _open(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=_formats())


def _turn(picture: Image.Image) -> Image.Transpose | None:
    with suppress(Exception):  # damaged metadata turn nothing
        return TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, UPRIGHT))
    return None


def _on_white(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture.convert("L" if picture.mode in ("1", "L") else "RGB")
    whole = picture.convert("LA") if picture.mode == "La" else picture
    colors = whole.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", colors.size, WHITE), colors).convert("RGB")


def _of_lab(picture: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    seen = ImageCms.profileToProfile(picture, lab, srgb, outputMode="RGB")
    assert seen is not None  # it would be, had it been asked to change the picture in place
    return seen


def _of_integers(picture: Image.Image) -> Image.Image:
    """Gray values of more than 8 bits; the transparent one, if there is one, becomes an alpha channel."""
    if picture.mode == "I" and picture.format not in ("PNG", "PPM"):
        raise UnclearPictureError(
            "nothing says which of its 32-bit values is white: save it with 8 or 16 bits"
        )
    values = np.asarray(picture).astype(np.int64)
    white = 2 ** _tiff(picture, TIFF_BITS, (16,))[0] - 1
    gray = _gray((values * 255 + white // 2) // white, picture)
    if "transparency" not in picture.info:
        return gray
    alpha = np.where(values == picture.info["transparency"], 0, 255).astype(np.uint8)
    return Image.merge("LA", (gray, Image.fromarray(alpha)))


def _of_floats(picture: Image.Image) -> Image.Image:
    values = np.asarray(picture)
    if not (values.min() >= 0 and values.max() <= 1):  # true of NaN too
        found = f"from {values.min():g} to {values.max():g}"
        raise UnclearPictureError(f"its values go {found}, not from 0 to 1: save it with 8 or 16 bits")
    return _gray((values * 255).round(), picture)


def _gray(levels: np.ndarray, picture: Image.Image) -> Image.Image:
    inverted = _tiff(picture, TIFF_MEANING, None) == TIFF_WHITE_IS_ZERO  # Pillow sees to 8 bits only
    return Image.fromarray((255 - levels if inverted else levels).astype(np.uint8))


def _tiff(picture: Image.Image, tag: int, default: Any) -> Any:
    return getattr(picture, "tag_v2", {}).get(tag, default)


EIGHT_BIT: dict[str, Callable[[Image.Image], Image.Image]] = {
    "LAB": _of_lab,
    "F": _of_floats,
    **dict.fromkeys(("I", "I;16", "I;16B", "I;16L", "I;16N"), _of_integers),
}
