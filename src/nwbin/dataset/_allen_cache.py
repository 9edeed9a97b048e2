"""What makes an AllenSDK script run with ``from nwbin import Dataset as EcephysProjectCache``.

Nothing is ever downloaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from nwbin.dataset._templates import read_movie, read_scene
from nwbin.errors import ArgumentError, GoneNameError, MissingFileError

__all__ = ["Gone", "Templates"]


class Gone:
    """A method that AllenSDK had once: hasattr says no, and the error names what came after it."""

    def __init__(self, successor: str) -> None:
        self.successor = successor

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        raise GoneNameError(
            f"a Dataset has no {self.name}, which AllenSDK no longer has either: use {self.successor}"
        )


@dataclass(eq=False, repr=False)
class Templates:
    """Images and movies that were shown, of a cache in a folder; of one on a server they are not read."""

    root: Path
    on_server: str | None = None

    def _template(self, folder: str, name: str, number: int) -> Path:
        try:
            whole = not isinstance(number, bool) and number == int(number)
        except (TypeError, ValueError, OverflowError):  # text, NaN, infinity
            whole = False
        if not whole:
            raise ArgumentError(f"the number of a template must be a whole one, not {number!r}")
        if self.on_server is not None:
            raise MissingFileError(
                f"{self.on_server}: images and movies are read from a folder on this machine only; download "
                f"{folder}/{name.format(int(number))} from there, and open that folder"
            )
        path = self.root / folder / name.format(int(number))
        if not path.is_file():
            raise MissingFileError(
                f"{path}: is not there, and nwbin downloads nothing; AllenSDK's method of the same name puts it "
                "there, or copy it there from another cache"
            )
        return path

    def get_natural_scene_template(self, number: int) -> npt.NDArray[Any]:
        """Return an image that was shown as a natural scene.

        Parameters
        ----------
        number
            `frame` in the table of natural scenes.

        Returns
        -------
        numpy.ndarray
            (rows, columns), as stored; read from natural_scene_templates/natural_scene_<number>.tiff.

        Raises
        ------
        ArgumentError
            `number` is no whole number.
        MissingFileError
            It was not downloaded; the message says where it belongs.
        MissingDependencyError
            Pillow is not installed.
        """
        return read_scene(self._template("natural_scene_templates", "natural_scene_{}.tiff", number))

    def get_natural_movie_template(self, number: int) -> npt.NDArray[Any]:
        """Return a movie that was shown.

        Parameters
        ----------
        number
            1 for natural_movie_one, 3 for natural_movie_three.

        Returns
        -------
        numpy.ndarray
            (frames, rows, columns), as stored; read from natural_movie_templates/natural_movie_<number>.h5, which
            is no HDF5 file, for all its name, but one of NumPy's.

        Raises
        ------
        ArgumentError
            `number` is no whole number.
        MissingFileError
            It was not downloaded; the message says where it belongs.
        """
        return read_movie(self._template("natural_movie_templates", "natural_movie_{}.h5", number))
