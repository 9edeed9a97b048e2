"""What a function and its arguments are, as a number: results are taken up again only where it is the same."""

from __future__ import annotations

import functools
import hashlib
import inspect
import pickle
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from nwbin.errors import ArgumentError

__all__ = ["content_hash"]


def content_hash(value: Any) -> str:
    """Hash a function with all that it carries (defaults, closure, partial arguments, its object), or a value.

    Raises
    ------
    ArgumentError
        Something in it cannot be hashed, so that nobody could tell another job from this one.
    """
    digest = hashlib.sha256()
    for part in _parts(value, {}):
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()[:32]


def _parts(value: Any, above: dict[int, int]) -> Iterator[bytes]:
    """What a value consists of; `above` are the objects that it is a part of, and how deep they lie."""
    yield type(value).__qualname__.encode()
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | np.generic):
        yield repr(value).encode("utf-8", "surrogatepass")
        return
    if id(value) in above:  # a function that calls itself
        yield str(above[id(value)]).encode()
        return
    above[id(value)] = len(above)
    yield from _inside(value, above)
    del above[id(value)]


def _inside(value: Any, above: dict[int, int]) -> Iterator[bytes]:
    inner: Any
    if isinstance(value, functools.partial):
        inner = (value.func, value.args, value.keywords)
    elif isinstance(value, MethodType):
        inner = (value.__func__, value.__self__)
    elif isinstance(value, FunctionType):
        yield from _code(value)
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        inner = (value.__defaults__, value.__kwdefaults__, cells, getattr(value, "__wrapped__", None))
    elif isinstance(value, type | ModuleType | BuiltinFunctionType | np.ufunc):
        yield f"{getattr(value, '__module__', '')}.{value.__name__}".encode()
        return
    elif isinstance(value, np.ndarray) and value.dtype != object:
        yield f"{value.dtype.str}{value.shape}".encode()
        yield np.ascontiguousarray(value).tobytes()
        return
    elif isinstance(value, np.ndarray):
        inner = (value.shape, value.reshape(-1).tolist())
    elif isinstance(value, Mapping):
        inner = sorted(value.items(), key=lambda item: repr(item[0]))
    elif isinstance(value, set | frozenset):
        inner = sorted(value, key=repr)
    elif isinstance(value, list | tuple):
        yield str(len(value)).encode()  # or [[1], 2] would be [[1, 2]]
        for one in value:
            yield from _parts(one, above)
        return
    else:
        try:
            yield pickle.dumps(value, protocol=5)
        except Exception as error:
            raise ArgumentError(
                f"with out=, results are taken up again where the job is the same, which cannot be told of a "
                f"{type(value).__name__} ({error}); pass plain values and arrays, or no out="
            ) from error
        return
    yield from _parts(inner, above)


def _code(function: FunctionType) -> Iterator[bytes]:
    yield f"{function.__module__}.{function.__qualname__}".encode()
    try:
        yield inspect.getsource(function).encode()
    except (OSError, TypeError):  # typed at a prompt
        yield from _compiled(function.__code__)


def _compiled(code: CodeType) -> Iterator[bytes]:
    yield code.co_code
    yield str(len(code.co_consts)).encode()
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _compiled(constant)
        else:
            yield repr(constant).encode("utf-8", "surrogatepass")
    yield repr(code.co_names).encode()
