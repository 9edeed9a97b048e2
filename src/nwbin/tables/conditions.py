"""Conditions on the rows of a table, written as text.

The language is that of :meth:`pandas.DataFrame.query`. pandas itself does not evaluate it, for two reasons: its
expressions reach any attribute of any object (a condition may come from a configuration file), and tables may hold
text among numbers, a word for what is missing, on which pandas refuses to compare at all. Python parses the text;
the few kinds of node that a condition needs are evaluated here, and nothing else is.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterable
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from nwbin.errors import ArgumentError, LookupFailure, nearest
from nwbin.tables.missing import Column, Mask, as_numbers, is_number, missing
from nwbin.tables.tidy import tidy

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["column_meant", "matches", "select", "values_named"]

_ORDER: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
# Other words for columns that files do have.
_OTHER_WORDS = {
    **dict.fromkeys(("structure", "area", "region", "brain_area", "brain_region"), ("structure_acronym", "location")),
    **dict.fromkeys(("fr", "rate", "mean_rate"), ("firing_rate",)),
    **dict.fromkeys(("isi", "isi_violation_rate"), ("isi_violations",)),
    **dict.fromkeys(("probe", "probe_name"), ("probe_description",)),
    **dict.fromkeys(("tf",), ("temporal_frequency",)),
    **dict.fromkeys(("sf",), ("spatial_frequency",)),
    **dict.fromkeys(("ori", "direction", "angle"), ("orientation",)),
    **dict.fromkeys(("image", "image_id"), ("frame",)),
}  # fmt: skip
# Text stays as it is; `a column` and &, | (which bind like and, or, as in pandas) are put in Python's words.
_TOKENS = re.compile(r"""('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|`([^`]+)`|(&&?)|(\|\|?)""")


def matches(
    table: pd.DataFrame,
    condition: str,
    *,
    missing_text: str | None = None,
    elsewhere: Callable[[str], str] | None = None,
) -> Mask:
    """Say which rows of a table meet a condition.

    Parameters
    ----------
    table
        Any table; its index can be named in the condition too.
    condition
        As for :meth:`pandas.DataFrame.query`: column names, numbers, quoted text, ``== != < <= > >=``,
        ``in [...]``, ``and or not`` (or ``& | ~``), ``+ - * / // %``, brackets; a name with blanks in
        backticks; ``.isna() .notna() .isin([...]) .between(a, b)``, ``.str.startswith(...)``,
        ``.str.endswith(...)``, ``.str.contains(...)`` (plain text), ``abs(...)``; ``'wake' in tags`` for a
        column of lists. Where a column holds text among its numbers, ``< <= > >=`` compare the numbers, and
        the others never match.
    missing_text
        The word that the table holds where something is missing: such cells count as missing, and a comparison
        with that word asks whether there is a value.
    elsewhere
        Asked for a hint about a column that is not there, such as that another table has it; "" for none.

    Returns
    -------
    numpy.ndarray
        bool (rows,).

    Raises
    ------
    ArgumentError
        The condition cannot be read, or compares what cannot be compared.
    LookupFailure
        It names a column that is not there.

    Examples
    --------
    >>> import pandas as pd
    >>> matches(pd.DataFrame({"contrast": [0.2, "unknown", 0.8]}), "contrast > 0.5")
    array([False, False,  True])
    """
    return _Condition(table, condition, missing_text, elsewhere).mask()


def select(
    table: pd.DataFrame,
    condition: str | None,
    *,
    missing_text: str | None = None,
    elsewhere: Callable[[str], str] | None = None,
) -> pd.DataFrame:
    """Return the rows of a table that meet a condition; all where there is none. See :func:`matches`."""
    if condition is None or not condition.strip():
        return table
    return table[matches(table, condition, missing_text=missing_text, elsewhere=elsewhere)]


def column_meant(name: str, columns: Iterable[object]) -> str | None:
    """Return the column that another word for it means, such as structure_acronym for "area"; None for no such word.

    Examples
    --------
    >>> column_meant("area", ["snr", "structure_acronym"])
    'structure_acronym'
    """
    known = [str(column) for column in columns]
    if name in known:
        return name
    return next((one for one in _OTHER_WORDS.get(name.casefold(), ()) if one in known), None)


def values_named(table: pd.DataFrame, condition: str, *, missing_text: str | None = None) -> str:
    """Say which values the columns have that a condition names, where they are few; else from what to what.

    Parameters
    ----------
    table, condition, missing_text
        As for :func:`matches`.

    Returns
    -------
    str
        To end a message with: ``"; contrast has 0.2, 0.8; snr is 0.5 to 9.7"``, or nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> values_named(pd.DataFrame({"contrast": [0.2, 0.8]}), "contrast > 0.9")
    '; contrast has 0.2, 0.8'
    """
    found = []
    for name in table.columns:
        if not re.search(rf"\b{re.escape(str(name))}\b", condition):
            continue
        values = tidy(table[[name]], missing_text=missing_text).iloc[:, 0].dropna()
        distinct = sorted(values.unique().tolist())
        if not distinct:
            found.append(f"{name} has no values")
        elif len(distinct) <= 10:
            found.append(f"{name} has {', '.join(f'{v!r}' for v in distinct)}")
        elif values.dtype.kind in "iuf":
            found.append(f"{name} is {distinct[0]:.6g} to {distinct[-1]:.6g}")
    return f"; {'; '.join(found)}" if found else ""


class _Condition:
    def __init__(
        self,
        table: pd.DataFrame,
        text: str,
        missing_text: str | None,
        elsewhere: Callable[[str], str] | None,
    ) -> None:
        self.table = table
        self.missing_text = missing_text
        self.elsewhere = elsewhere
        self.text = text
        self.quoted: dict[str, str] = {}
        self.rows = len(table)

    def wrong(self, why: str) -> ArgumentError:
        return ArgumentError(f"cannot use the condition {self.text!r}: {why}")

    def mask(self) -> Mask:
        source = _TOKENS.sub(self._in_python, self.text.strip()).strip()
        try:
            tree = ast.parse(source, mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            why = error.msg if isinstance(error, SyntaxError) else str(error)
            if re.search(r"(?<![=!<>])=(?!=)", _TOKENS.sub("", self.text)):
                why = "to compare, write == and not ="
            raise self.wrong(why) from None
        try:
            with np.errstate(all="ignore"):
                return self._truth(tree.body)
        except RecursionError:
            raise self.wrong("it is nested too deeply") from None

    def _in_python(self, token: re.Match[str]) -> str:
        text, name, both, _ = token.groups()
        if text:
            return str(text)
        if name:
            stand_in = f"_quoted_{len(self.quoted)}_"
            self.quoted[stand_in] = name
            return stand_in
        return " and " if both else " or "

    # ---------------------------------------------------------------- truth

    def _truth(self, node: ast.expr) -> Mask:
        value = self._value(node)
        if isinstance(value, bool):
            return np.full(self.rows, value)
        if isinstance(value, np.ndarray):
            if value.dtype.kind == "b":
                return value
            there = value[~missing(value, self.missing_text)]
            if value.dtype.kind == "O" and all(isinstance(v, bool | np.bool_) for v in there):
                return np.asarray([isinstance(v, bool | np.bool_) and bool(v) for v in value], bool)
        raise self.wrong(f"{self._shown(node)} is neither true nor false; compare it with something")

    def _shown(self, node: ast.expr) -> str:
        shown = ast.unparse(node)
        for stand_in, name in self.quoted.items():
            shown = shown.replace(stand_in, f"`{name}`")
        return shown

    # ---------------------------------------------------------------- values

    def _value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=value) if isinstance(value, bool | int | float | str):
                return value
            case ast.Name(id=name):
                return self._column(self.quoted.get(name, name))
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                values = [self._value(part) for part in parts]
                if any(isinstance(one, np.ndarray | list) for one in values):
                    raise self.wrong("a list may hold only numbers and text")
                return values
            case ast.BoolOp(op=ast.And(), values=parts):
                return reduce(np.logical_and, [self._truth(part) for part in parts])
            case ast.BoolOp(values=parts):
                return reduce(np.logical_or, [self._truth(part) for part in parts])
            case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=inner):
                return ~self._truth(inner)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return -self._numbers(inner)
            case ast.UnaryOp(op=ast.UAdd(), operand=inner):
                return self._numbers(inner)
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _ARITHMETIC:
                with np.errstate(all="ignore"):
                    return _ARITHMETIC[type(sign)](np.asarray(self._numbers(left)), self._numbers(right))
            case ast.Compare(left=left, ops=signs, comparators=others):
                sides = [left, *others]
                each = [self._compare(a, sign, b) for a, sign, b in zip(sides, signs, others, strict=False)]
                return reduce(np.logical_and, each)
            case ast.Call(func=function, args=arguments, keywords=[]):
                return self._call(function, arguments)
        raise self.wrong(f"{self._shown(node)} is not allowed in a condition; see `nwbin count --help`")

    def _column(self, name: str) -> Column:
        if name in self.table.columns:
            return np.asarray(self.table[name].to_numpy())
        if name in (self.table.index.name, "index"):
            return np.asarray(self.table.index.to_numpy())
        known = [str(column) for column in self.table.columns]
        for column in self.table.columns:
            # One by one: a cell may hold an array.
            if any(isinstance(one, str) and one == name for one in self.table[column].tolist()):
                raise self.wrong(f"there is no column {name!r}; text needs quotes: {column} == {name!r}")
        meant = column_meant(name, known)
        hint = f"did you mean {meant!r}?" if meant else ""
        hint = hint or (self.elsewhere(name) if self.elsewhere else "") or nearest(name, known)
        raise LookupFailure(f"cannot use the condition {self.text!r}: there is no column {name!r}; {hint}")

    def _numbers(self, node: ast.expr) -> Any:
        """A number, or a column's numbers with NaN for everything else."""
        value = self._value(node)
        if isinstance(value, np.ndarray):
            numbers = as_numbers(value)
            if (
                value.dtype.kind not in "iufb"
                and np.isnan(numbers).all()
                and not missing(value, self.missing_text).all()
            ):
                raise self.wrong(
                    f"{self._shown(node)} holds text, which has no order; use ==, != or in [...]"
                )
            return numbers
        if is_number(value):
            return value
        raise self.wrong(f"{value!r} is not a number, and <, >, + and the like are for numbers")

    def _compare(self, left: ast.expr, sign: ast.cmpop, right: ast.expr) -> Any:
        if type(sign) in _ORDER:
            return self._rows_of(_ORDER[type(sign)](self._numbers(left), self._numbers(right)))
        if isinstance(sign, ast.In | ast.NotIn):
            found = self._member(self._value(left), self._value(right), left)
            return ~found if isinstance(sign, ast.NotIn) else found
        if isinstance(sign, ast.Eq | ast.NotEq):
            a, b = self._value(left), self._value(right)
            if isinstance(a, list) or isinstance(b, list):
                raise self.wrong("to look for one of several values, write: in [...]")
            found = self._equal(a, b, left, right)
            return ~found if isinstance(sign, ast.NotEq) else found
        raise self.wrong("'is' is not allowed; use == or !=, and .isna() for what is missing")

    def _rows_of(self, answer: Any) -> Mask:
        return np.broadcast_to(np.asarray(answer, dtype=bool), (self.rows,)).copy()

    def _equal(self, a: Any, b: Any, left: ast.expr, right: ast.expr) -> Mask:
        if isinstance(b, np.ndarray) and not isinstance(a, np.ndarray):
            return self._equal(b, a, right, left)
        if not isinstance(a, np.ndarray):
            return self._rows_of(a == b)
        if isinstance(b, np.ndarray):
            if a.dtype.kind in "iufb" and b.dtype.kind in "iufb":
                return np.asarray(a == b, dtype=bool)
            return np.asarray([x == y for x, y in zip(a.tolist(), b.tolist(), strict=True)], dtype=bool)
        if isinstance(b, str):
            if b == self.missing_text:
                return missing(a, self.missing_text)
            there = a[~missing(a, self.missing_text)] if a.dtype.kind == "O" else a
            if len(there) and (a.dtype.kind != "O" or all(is_number(v) for v in there)):
                raise self.wrong(
                    f"{self._shown(left)} holds numbers: compare it with a number, without quotes"
                )
            return np.asarray([isinstance(v, str) and v == b for v in a], dtype=bool)
        if a.dtype.kind == "O":
            return np.asarray([is_number(v) and v == b for v in a], dtype=bool)
        return np.asarray(a == b, dtype=bool)

    def _member(self, value: Any, among: Any, node: ast.expr) -> Mask:
        if isinstance(value, np.ndarray) and isinstance(among, list):
            nothing = np.zeros(self.rows, bool)
            return reduce(np.logical_or, [self._equal(value, one, node, node) for one in among], nothing)
        if isinstance(among, np.ndarray) and not isinstance(value, np.ndarray | list):
            lists = [one.tolist() if isinstance(one, np.ndarray) else one for one in among]
            if not any(isinstance(one, list) for one in lists):
                raise self.wrong(
                    f"{value!r} in ...: the column holds no lists; write the column first, or use =="
                )
            return np.asarray([isinstance(one, list) and value in one for one in lists], dtype=bool)
        raise self.wrong("write 'in' as: column in [1, 2, 3]")

    # ---------------------------------------------------------------- the few functions

    def _call(self, function: ast.expr, arguments: list[ast.expr]) -> Any:
        match function, arguments:
            case ast.Name(id="abs"), [inner]:
                return abs(self._numbers(inner))
            case ast.Attribute(value=inner, attr="isna" | "isnull"), []:
                return missing(self._as_column(inner), self.missing_text)
            case ast.Attribute(value=inner, attr="notna" | "notnull"), []:
                return ~missing(self._as_column(inner), self.missing_text)
            case ast.Attribute(value=inner, attr="isin"), [among]:
                return self._member(self._as_column(inner), self._value(among), inner)
            case ast.Attribute(value=inner, attr="between"), [low, high]:
                numbers = self._numbers(inner)
                return self._rows_of((numbers >= self._numbers(low)) & (numbers <= self._numbers(high)))
            case (
                ast.Attribute(
                    value=ast.Attribute(value=inner, attr="str"),
                    attr="startswith" | "endswith" | "contains" as test,
                ),
                [ast.Constant(value=str(part))],
            ):
                values = self._as_column(inner)
                if test == "contains":
                    return np.asarray([isinstance(v, str) and part in v for v in values], dtype=bool)
                return np.asarray([isinstance(v, str) and getattr(v, test)(part) for v in values], dtype=bool)
        raise self.wrong(
            f"{self._shown(function)}(...) is not allowed; there are abs(), .isna(), .notna(), .isin([...]), "
            ".between(a, b), .str.startswith('...'), .str.endswith('...'), .str.contains('...')"
        )

    def _as_column(self, node: ast.expr) -> Column:
        value = self._value(node)
        if not isinstance(value, np.ndarray):
            raise self.wrong(f"{self._shown(node)} is not a column")
        return value
