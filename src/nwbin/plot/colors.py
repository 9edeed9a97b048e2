"""Colors that are told apart by everybody: also without the red, the green or the blue cones, and in grey.

Three scales, by what the values are. Orientations: a circle through orange, rose, blue and plum, on which opposite
colors differ in blue-yellow and in red-green both, and the others in lightness (CIE L*a*b*; tests/plot has the
distances); hues around the color wheel, which one often sees, fall together in pairs for one man in twelve. Once
around is half a turn: the two directions along one orientation have its color, and lines of another form, for eight
or twelve thin lines are more than colors alone tell apart.
Numbers: viridis. Names: the palette of Okabe and Ito (2008), without its yellow, which white paper swallows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["DASHES", "INVALID", "MARKERS", "condition_colors", "forms_of", "is_angle", "titled"]

_NAMED = ("#0072B2", "#E69F00", "#000000", "#CC79A7", "#009E73", "#D55E00", "#56B4E9")
# Beside the color, of names: lines and points of another form, for who prints in grey.
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
INVALID = "#D55E00"
_FEW = 6  # steps of viridis, and orientations around the circle, that are far apart by themselves

# What the parameters of stimuli are measured in.
_UNITS = {
    "orientation": "°", "direction": "°", "ori": "°", "dir": "°", "angle": "°", "phase": "cycles", "x_position": "°",
    "y_position": "°", "azimuth": "°", "elevation": "°", "size": "°", "diameter": "°", "radius": "°",
    "spatial_frequency": "cycles/°", "temporal_frequency": "Hz", "speed": "°/s", "duration": "s",
    "start_time": "s", "stop_time": "s", "level": "V",
}  # fmt: skip
_ANGLES = ("orientation", "direction", "ori", "dir", "angle")
_HALF = 180.0  # degrees, after which a grating looks the same, and drifts the other way


def is_angle(name: str) -> bool:
    """Whether a parameter comes back to where it began."""
    return name.lower() in _ANGLES


def titled(name: str) -> str:
    """A parameter with what it is measured in, where that is known: orientation (°)."""
    from nwbin.plot.canvas import words

    unit = _UNITS.get(name.lower())
    return f"{words(name)} ({unit})" if unit else words(name)


def _from_lab(lab: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """CIE L*a*b* under D65 as sRGB (IEC 61966-2-1): (colors, 3); what no screen has is the nearest that it has."""
    f = np.empty_like(lab)
    f[:, 1] = (lab[:, 0] + 16) / 116
    f[:, 0] = f[:, 1] + lab[:, 1] / 500
    f[:, 2] = f[:, 1] - lab[:, 2] / 200
    xyz = np.where(f**3 > 216 / 24389, f**3, (116 * f - 16) * 27 / 24389) * (0.95047, 1.0, 1.08883)
    to_rgb = np.asarray(
        [[3.2404542, -1.5371385, -0.4985314], [-0.969266, 1.8760108, 0.041556], [0.0556434, -0.2040259, 1.0572252]]
    )  # fmt: skip
    rgb = np.clip(xyz @ to_rgb.T, 0, 1)
    return np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)


def _around(turn: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Colors around the circle, by the part of it: (n,) to (n, 3).

    Its middle and radii are those, found by random search, for which the two nearest of four colors, and of six, are
    farthest apart to whoever sees them worst; none is so dark that a thin line of it is black.
    """
    along, across = np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn)
    lab = [
        52.0 + 3.9 * along + 26.6 * across,
        42.9 + 20.7 * along + 10.4 * across,
        -6.9 + 73.2 * along - 6.2 * across,
    ]
    return _from_lab(np.stack(lab, axis=1))


def condition_colors(values: npt.NDArray[Any], name: str) -> list[Any]:
    """A color for each condition, told apart by the colour-blind too.

    Parameters
    ----------
    values
        The conditions: (conditions,).
    name
        The parameter that they are of: around a circle where it is an orientation or a direction, the same for the
        two directions along an orientation (which :func:`plot_rates` and others tell apart by the form of lines and
        points); along a scale where they are numbers, else distinct; of more than seven names colors come again.

    Returns
    -------
    list
        A color of matplotlib's for each.

    Examples
    --------
    >>> len(condition_colors(np.asarray([0.0, 45.0, 90.0]), "orientation"))
    3
    """
    import matplotlib as mpl
    import matplotlib.colors

    number = len(values)
    if values.dtype.kind in "iuf" and is_angle(name):
        return list(_around(np.nan_to_num(values.astype(np.float64) % _HALF / _HALF)))
    if values.dtype.kind in "iuf" and number > 1:
        return list(mpl.colormaps["viridis"](np.linspace(0.0, 0.78, number)))
    return [mpl.colors.to_rgba(_NAMED[k % len(_NAMED)]) for k in range(number)]


def forms_of(values: npt.NDArray[Any], name: str) -> list[int]:
    """Which form lines and points of each condition have beside their color: of names each its own; of many numbers
    every other one; of directions those of the second half turn, and of many orientations every other one as well.
    """
    number = len(values)
    if values.dtype.kind not in "iuf":
        return list(range(number))
    if is_angle(name):
        axes, place = np.unique(values.astype(np.float64) % _HALF, return_inverse=True)
        second = np.nan_to_num(np.floor(values.astype(np.float64) / _HALF) % 2)  # of no angle the first
        other = place.reshape(-1) % 2 if len(axes) > _FEW else np.zeros(number)
        return [int(form) for form in second + 2 * other]
    return [k % 2 for k in range(number)] if number > _FEW else [0] * number
