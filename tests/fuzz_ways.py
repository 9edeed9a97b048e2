"""What can be done to a small file at random."""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - files are bent
import numpy as np

from tests.small_files import TEXT, write_small

__all__ = ["bend", "bend_open_file", "sound"]

NASTY = (
    "x/../../precious",
    "../..",
    "/abs",
    "a\\b",
    "CON",
    ".",
    "",
    "n" * 300,
    "\x1b[31mred\x1b[0m",
    "a\r\nb\x07",
    "=1+1",
)

# ------------------------------------------------------------------ what can be done to a file


def _bytes(path: Path, rng: np.random.Generator) -> str:
    data = bytearray(path.read_bytes())
    size = len(data)
    way = rng.integers(6)
    if way == 0:
        del data[int(rng.integers(size)) :]
        path.write_bytes(bytes(data))
        return "cut"
    low = int(rng.integers(size))
    if way in (1, 2):  # single bytes anywhere, or close together
        spread = size if way == 1 else 200
        for _ in range(int(rng.integers(1, 12))):
            data[(low + int(rng.integers(spread))) % size] = int(rng.integers(256))
    else:
        n = min(int(rng.choice([4, 8, 64, 512])), size - low)
        fill = {3: b"\0" * n, 4: b"\xff" * n, 5: rng.bytes(n)}[int(way)]
        data[low : low + n] = fill
    path.write_bytes(bytes(data))
    return ("", "bytes", "bytes nearby", "zeros", "ones", "noise")[int(way)]


def _datasets(file: Any) -> list[str]:
    found: list[str] = []
    file.visititems(lambda name, node: found.append(name) if isinstance(node, h5py.Dataset) else None)
    return found


def _replace(file: Any, name: str, values: Any, **options: Any) -> None:
    del file[name]
    file.create_dataset(name, data=values, **options)


def _delete(file: Any, name: str, rng: np.random.Generator) -> None:
    del file[name]


def _rename(file: Any, name: str, rng: np.random.Generator) -> None:
    file.move(name, name + "x")


def _retype(file: Any, name: str, rng: np.random.Generator) -> None:
    n = min(file[name].shape[0], 10) if file[name].shape else 1
    kinds: list[Any] = [
        np.zeros(n, "f4"), np.zeros(n, ">i2"), np.array(["text"] * n, TEXT), np.zeros(n, "S3"),
        np.zeros(n, [("a", "i4")]), np.zeros(n, complex), np.zeros(n, "V7"), np.zeros(n, bool),
        np.zeros(n, "f2"), np.array([b"\xff\xfe"] * n, "S2"),
    ]  # fmt: skip
    _replace(file, name, kinds[int(rng.integers(len(kinds)))])


def _reshape(file: Any, name: str, rng: np.random.Generator) -> None:
    values = file[name][()]
    flat = np.atleast_1d(np.asarray(values))
    shapes: list[Any] = [flat[:-1], flat[:0], np.concatenate([flat, flat]), flat[:, None], flat.ravel()[0]]
    chosen = shapes[int(rng.integers(len(shapes)))] if flat.size else flat
    _replace(file, name, chosen, dtype=file[name].dtype)


def _values(file: Any, name: str, rng: np.random.Generator) -> None:
    node = file[name]
    if node.dtype.kind not in "iuf" or not node.shape or node.size == 0:
        return
    values = node[()]
    way = rng.integers(4)
    if way == 0:
        rng.shuffle(values)
    elif way == 1 and node.dtype.kind == "f":
        values.flat[int(rng.integers(values.size))] = rng.choice([np.nan, np.inf, -np.inf])
    elif way == 2:
        values.flat[int(rng.integers(values.size))] = values.flat[0]
    else:
        extreme = np.finfo(values.dtype) if values.dtype.kind == "f" else np.iinfo(values.dtype)
        values.flat[int(rng.integers(values.size))] = rng.choice([extreme.min, extreme.max])
    node[...] = values


def _link(file: Any, name: str, rng: np.random.Generator) -> None:
    targets = [
        h5py.SoftLink("/nowhere"), h5py.SoftLink("/" + name), h5py.SoftLink("/units/id"), h5py.SoftLink("/"),
        h5py.ExternalLink("other.h5", "/x"), h5py.SoftLink("../units"), h5py.SoftLink(name),
    ]  # fmt: skip
    del file[name]
    file[name] = targets[int(rng.integers(len(targets)))]


def _to_group(file: Any, name: str, rng: np.random.Generator) -> None:
    del file[name]
    file.create_group(name)


def _huge(file: Any, name: str, rng: np.random.Generator) -> None:
    del file[name]
    shape = (int(rng.choice([10**6, 10**9, 10**13, 2**60])),)
    file.create_dataset(name, shape, "f8", chunks=(int(rng.choice([1, 1000])),))


def _attribute(file: Any, name: str, rng: np.random.Generator) -> None:
    group = file[name].parent
    values: list[Any] = [
        3,
        "text",
        np.array(["nope", "id"], dtype=object),
        h5py.Empty("f8"),
        np.zeros((2, 2)),
        b"\xff",
    ]
    key = rng.choice(["colnames", "nwb_version", "rate", "unit", "neurodata_type"])
    target = file if key == "nwb_version" else group
    target.attrs[key] = values[int(rng.integers(len(values)))]


def _elsewhere(file: Any, name: str, rng: np.random.Generator) -> None:
    del file[name]
    if rng.integers(2):
        file.create_dataset(name, (3,), "f8", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])
    else:
        layout = h5py.VirtualLayout((3,), "f8")
        layout[:] = h5py.VirtualSource("/etc/passwd", "x", (3,))
        file.create_virtual_dataset(name, layout)


# ------------------------------------------------------------------ chunks that do not hold what they should


def _chunk(file: Any, name: str, rng: np.random.Generator) -> None:
    """Put a dataset in one chunk that decodes to a few bytes less or more, to nothing, or to megabytes."""
    node = file[name]
    values, dtype = node[()], node.dtype
    if not node.shape or node.size == 0 or (dtype.hasobject and h5py.check_string_dtype(dtype) is None):
        return
    size = node.size * (16 if dtype.hasobject else dtype.itemsize)
    options = {"shuffle": bool(rng.integers(2)), "fletcher32": bool(rng.integers(2)) and not dtype.hasobject}
    compressed = bool(rng.integers(4)) or not options["fletcher32"]
    del file[name]
    node = file.create_dataset(
        name, values.shape, dtype, chunks=values.shape, compression="gzip" if compressed else None, **options
    )
    # A sound one is made first, of which the filters are known to be right.
    node[...] = values
    stored = node.id.read_direct_chunk((0,) * values.ndim)[1]
    length = max(
        0, int(rng.choice([0, 1, size // 2, size - 1, size + 1, 2 * size, size + 4, 1 << 20, 32 << 20]))
    )
    skipped = 0
    match int(rng.integers(4)):
        case 0:
            raw = stored[: int(rng.integers(len(stored)))]
        case 1:
            raw, skipped = bytes(min(length, 1 << 20)), 0xFF
        case 2:
            raw = stored + bytes(int(rng.integers(1, 100)))
        case _:
            raw = zlib.compress(bytes(length))
    if raw:
        node.id.write_direct_chunk((0,) * values.ndim, raw, filter_mask=skipped)


def _vast(file: Any, name: str, rng: np.random.Generator) -> None:
    """Claim millions of values, and have few of their chunks, or all of them, which hold zeros."""
    n, chunk = int(rng.choice([1 << 20, 1 << 24, 1 << 30, 1 << 40])), 1 << int(rng.integers(14, 22))
    del file[name]
    node = file.create_dataset(name, (n,), "f8", chunks=(chunk,), compression="gzip")
    raw = zlib.compress(bytes(8 * chunk))
    for k in range(int(rng.choice([1, 2, min(64, n // chunk)]))):
        node.id.write_direct_chunk((k * chunk,), raw)


# ------------------------------------------------------------------ names and text


def _identifier(file: Any, name: str, rng: np.random.Generator) -> None:
    where = ("identifier", "general/session_id", "session_description")[int(rng.integers(3))]
    _replace(file, where, NASTY[int(rng.integers(len(NASTY)))])


def _control_in_name(file: Any, name: str, rng: np.random.Generator) -> None:
    rest, old = name.rpartition("/")[::2]
    new = "".join(
        chr(int(c)) for c in rng.choice([0x1B, 0x07, 0x0A, 0x0D, 0x9B, 0x7F, 0x202E, 0x5B, 0x41], 4)
    )
    group = file[rest] if rest else file
    group.move(old, (old if rng.integers(2) else "") + new)
    if "colnames" in group.attrs:
        group.attrs["colnames"] = np.array([old + new, *group.attrs["colnames"][:20]], dtype=object)


def _control_in_cells(file: Any, name: str, rng: np.random.Generator) -> None:
    n = file[name].shape[0] if file[name].shape else 1
    nasty = [one for one in NASTY if one]
    _replace(file, name, np.array([nasty[int(k)] for k in rng.integers(len(nasty), size=n)], TEXT))


OBJECT_WAYS: tuple[Callable[..., None], ...] = (
    _delete, _rename, _retype, _reshape, _values, _values, _values, _link, _to_group, _huge, _attribute, _elsewhere,
    _chunk, _chunk, _chunk, _vast, _identifier, _control_in_name, _control_in_cells,
)  # fmt: skip


def _objects(path: Path, rng: np.random.Generator) -> str:
    done = []
    with h5py.File(path, "a") as file:
        for _ in range(int(rng.integers(1, 4))):
            names = _datasets(file)
            near = [name for name in names if name.startswith(("units", "intervals"))] or names
            pick = near if rng.random() < 0.8 else names
            if not pick:
                break
            way = OBJECT_WAYS[int(rng.integers(len(OBJECT_WAYS)))]
            name = pick[int(rng.integers(len(pick)))]
            if (file[name].size or 0) > 1000 and way not in (
                _delete,
                _rename,
                _link,
                _to_group,
                _identifier,
                _control_in_name,
            ):
                continue  # one that was made huge before
            with contextlib.suppress(ValueError, TypeError, OSError, KeyError, RuntimeError, IndexError):
                way(file, name, rng)
                done.append(f"{way.__name__[1:]} {name}")
    return ", ".join(done)


# ------------------------------------------------------------------ files


def sound(folder: Path, kind: str) -> Path:
    """Return a sound file, "chunked" or "plain"; or "mapped", a plain one whose spike times can be mapped."""
    path = folder / f"{kind}.nwb"
    if not path.exists():
        write_small(path, chunked=kind == "chunked")
        if kind == "mapped":
            with h5py.File(path, "a", alignment_threshold=1, alignment_interval=8) as file:
                file["units/spike_times"] = file["units"].pop("spike_times")[()]
    return path


def bend(path: Path, rng: np.random.Generator) -> str:
    """Make a file of a case, and say what was done to it."""
    base = sound(path.parent, "chunked" if rng.integers(2) else "plain")
    path.write_bytes(base.read_bytes())
    return _bytes(path, rng) if rng.integers(2) else _objects(path, rng)


def bend_open_file(path: Path, rng: np.random.Generator) -> str:
    """Change a file that somebody has open."""
    size = path.stat().st_size
    match int(rng.integers(5)):
        case 0:
            to = int(rng.integers(size))
            os.truncate(path, to)
            return f"cut to {to}"
        case 1:
            with path.open("ab") as stream:
                stream.write(rng.bytes(int(rng.integers(1, 10_000))))
            return "appended to"
        case 2:
            at = int(rng.integers(size))
            with path.open("r+b") as stream:
                stream.seek(at)
                stream.write(rng.bytes(min(size - at, int(rng.choice([1, 8, 4096, size])))))
            return f"written to at {at}"
        case 3:
            path.write_bytes(rng.bytes(size))
            return "copied over"
        case _:
            other = path.with_suffix(".other")
            other.write_bytes(rng.bytes(size))
            other.replace(path)
            return "replaced"
