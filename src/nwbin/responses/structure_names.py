"""What brain structures are called in papers and in conversation, where files have the atlas's acronyms."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["acronym_of"]

# The mouse's visual areas as physiologists write them, and structures of thalamus, midbrain and hippocampus, with the
# acronyms of the Allen Mouse Brain Common Coordinate Framework.
_ACRONYMS = {
    "V1": ("VISp",), "LM": ("VISl",), "RL": ("VISrl",), "AL": ("VISal",), "PM": ("VISpm",), "AM": ("VISam",),
    "LI": ("VISli",), "MMA": ("VISmma",), "MMP": ("VISmmp",), "primary visual cortex": ("VISp",),
    "LGN": ("LGd", "LGv"), "dLGN": ("LGd",), "vLGN": ("LGv",), "LGNd": ("LGd",), "pulvinar": ("LP",), "LPN": ("LP",),
    **dict.fromkeys(("hippocampus", "HPC", "HIP", "HPF"), ("CA1", "CA2", "CA3", "DG", "SUB", "ProS")),
    "dentate gyrus": ("DG",), "subiculum": ("SUB",),
    "SC": ("SCig", "SCiw", "SCsg", "SCop", "SCzo", "SCs", "SCm"), "pretectum": ("APN", "NOT", "MPT", "PPT", "OP"),
    "thalamus": ("LGd", "LGv", "LP", "TH", "Eth", "IGL", "IntG", "MGd", "MGm", "MGv", "PIL", "PO", "POL", "PP", "RT",
                 "SGN", "VL", "VPL", "VPM"),
    "visual cortex": ("VISp", "VISl", "VISrl", "VISal", "VISpm", "VISam", "VISli", "VISmma", "VISmmp"),
}  # fmt: skip
_BY_NAME = {name.casefold(): acronyms for name, acronyms in _ACRONYMS.items()}


def acronym_of(name: object, known: Iterable[str]) -> list[str]:
    """Return what a structure that goes by another name is called in a file.

    Parameters
    ----------
    name
        As it was asked for, such as "V1" or "ca-1".
    known
        The structures that the file has.

    Returns
    -------
    list of str
        Those among `known` that are meant; none where it is no such name.

    Examples
    --------
    >>> acronym_of("V1", ["VISp", "LGd"])
    ['VISp']
    """
    if not isinstance(name, str):
        return []
    there = list(known)
    plain = name.strip().casefold()
    meant = _BY_NAME.get(plain, ()) or _BY_NAME.get(plain.replace("_", " "), ())
    if not meant:  # CA-1, ca 1, visp
        bare = plain.translate(str.maketrans("", "", " -_"))
        meant = tuple(one for one in there if one.casefold() == bare)
    return [one for one in meant if one in there]
