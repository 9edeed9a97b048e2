"""Images and movies that were shown, from the files of an AllenSDK cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nwbin.errors import FileAccessError, FormatError, MissingDependencyError

__all__ = ["read_movie", "read_scene"]


def read_scene(path: Path) -> npt.NDArray[Any]:
    """Read a TIFF file: (rows, columns), with pages first and colours last where it has several."""
    try:
        from PIL import Image, ImageSequence, UnidentifiedImageError
    except ImportError as error:
        raise MissingDependencyError(
            f"{path}: reading TIFF needs Pillow, which is not installed: pip install 'nwbin[images]'"
        ) from error
    # Images nobody would show, which are made to fill the memory, are errors too.
    wrong = (UnidentifiedImageError, Image.DecompressionBombError, ValueError, SyntaxError, EOFError)
    try:
        with Image.open(path, formats=["TIFF"]) as image:
            pages = [np.asarray(page) for page in ImageSequence.Iterator(image)]
            return pages[0] if len(pages) == 1 else np.stack(pages)
    except wrong as error:
        raise FormatError(f"{path}: is no TIFF image ({error}); download it again") from error
    except OSError as error:
        raise FileAccessError(f"{path}: cannot be read ({error}); download it again") from error


def read_movie(path: Path) -> npt.NDArray[Any]:
    """Read a file of NumPy's: (frames, rows, columns)."""
    try:
        with path.open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except ValueError as error:
        raise FormatError(f"{path}: is no array of NumPy's ({error}); download it again") from error
    except OSError as error:
        raise FileAccessError(f"{path}: cannot be read ({error})") from error
