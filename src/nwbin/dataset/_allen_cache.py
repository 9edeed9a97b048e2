"""What makes an AllenSDK script run with ``from nwbin import Dataset as EcephysProjectCache``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy.typing as npt

from nwbin._keywords import names_checked
from nwbin.dataset._allen_tables import DatasetTables
from nwbin.dataset._templates import read_movie, read_scene
from nwbin.errors import ArgumentError, ArgumentTypeError, GoneNameError, MissingFileError
from nwbin.storage.opening import StrPath

__all__ = ["AllenCache"]

_MANIFEST = "ecephys_project_manifest.json"  # in the current folder, where AllenSDK is told of no other


class _Gone:
    """A method that AllenSDK had once: hasattr says no, and the error names what came after it."""

    def __init__(self, successor: str) -> None:
        self.successor = successor

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        raise GoneNameError(
            f"a Dataset has no {self.name}, which AllenSDK no longer has either: use {self.successor}"
        )


class AllenCache(DatasetTables):
    """The constructors of AllenSDK's EcephysProjectCache, and its templates of stimuli.

    Nothing is ever downloaded. What AllenSDK needs for that (`scheme`, `host`, `asynchronous`, `timeout`,
    `fetch_tries`, `version`, credentials) is taken, and of no effect.
    """

    get_sessions = _Gone("get_session_table()")
    get_all_stimulus_sets = _Gone("get_all_session_types()")
    get_all_genotypes = _Gone("get_all_full_genotypes()")
    get_all_recorded_structures = _Gone("get_structure_acronyms()")

    @classmethod
    def _by_manifest(cls, manifest: StrPath | None, cache: StrPath | bool | None) -> Self:
        make: Callable[..., Self] = cls
        return make(manifest=_MANIFEST if manifest is None else manifest, cache=cache)

    @classmethod
    @names_checked
    def from_warehouse(
        cls,
        scheme: str | None = None,
        host: str | None = None,
        asynchronous: bool = False,
        manifest: StrPath | None = None,
        version: str | None = None,
        cache: StrPath | bool | None = True,
        fetch_tries: int = 2,
        timeout: float = 1200,
    ) -> Self:
        """Open a cache that AllenSDK's EcephysProjectCache.from_warehouse has downloaded into.

        Parameters
        ----------
        manifest
            The manifest.json in the cache's folder; as in AllenSDK, "ecephys_project_manifest.json" by default.
        cache
            See :class:`Dataset`.
        scheme, host, asynchronous, version, fetch_tries, timeout
            Of no effect: nothing is downloaded.

        Raises
        ------
        MissingFileError
            There is no such manifest, and no data in its folder.

        Examples
        --------
        >>> from nwbin import Dataset as EcephysProjectCache
        >>> cache = EcephysProjectCache.from_warehouse(manifest="cache/manifest.json")  # doctest: +SKIP
        """
        return cls._by_manifest(manifest, cache)

    @classmethod
    @names_checked
    def from_lims(
        cls,
        lims_credentials: Any = None,
        scheme: str | None = None,
        host: str | None = None,
        asynchronous: bool = False,
        manifest: StrPath | None = None,
        version: str | None = None,
        cache: StrPath | bool | None = True,
        fetch_tries: int = 2,
    ) -> Self:
        """Open a cache that EcephysProjectCache.from_lims has downloaded into; see :meth:`from_warehouse`.

        Raises
        ------
        ArgumentTypeError
            Without `manifest`: then the Allen Institute's own database is meant, and no folder.
        """
        if manifest is None:
            raise ArgumentTypeError(
                "from_lims asks a database of the Allen Institute, which nwbin does not: it reads what was downloaded; "
                "give manifest=, or use Dataset(folder)"
            )
        return cls._by_manifest(manifest, cache)

    @classmethod
    @names_checked
    def fixed(cls, manifest: StrPath | None = None, version: str | None = None) -> Self:
        """Open a cache of which all is there; see :meth:`from_warehouse`."""
        return cls._by_manifest(manifest, None)

    def _template(self, folder: str, name: str, number: int) -> Path:
        try:
            whole = not isinstance(number, bool) and number == int(number)
        except (TypeError, ValueError, OverflowError):  # text, NaN, infinity
            whole = False
        if not whole:
            raise ArgumentError(f"the number of a template must be a whole one, not {number!r}")
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
