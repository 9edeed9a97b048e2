"""What colors look like without one kind of cones, and how far apart they then are."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import to_rgb

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
WITHOUT = {
    "red": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "green": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "blue": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
    "none": np.eye(3).tolist(),
}


def linear(colors: list[Any]) -> np.ndarray:
    rgb = np.asarray([to_rgb(one) for one in colors])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b*, D65, of linear RGB."""
    xyz = (
        rgb
        @ np.asarray(
            [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
        ).T
        / (0.95047, 1.0, 1.08883)
    )  # fmt: skip
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


def seen(colors: list[Any], without: str) -> np.ndarray:
    """(colors, 3) in L*a*b*, as they are seen without one kind of cones."""
    return lab(np.clip(linear(colors) @ np.asarray(WITHOUT[without]).T, 0, 1))


def nearest_pair(colors: list[Any], without: str) -> float:
    """The least difference (CIE 1976) between two of the colors; 2.3 is just to be seen."""
    places = seen(colors, without)
    apart = np.linalg.norm(places[:, None] - places[None, :], axis=2)
    return float(apart[~np.eye(len(places), dtype=bool)].min())


def contrast_with_white(colors: list[Any]) -> np.ndarray:
    """Of WCAG: 1 for white, 21 for black."""
    luminance = linear(colors) @ np.asarray([0.2126, 0.7152, 0.0722])
    return 1.05 / (luminance + 0.05)
