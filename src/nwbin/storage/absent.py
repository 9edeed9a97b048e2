"""What is said of a path at which there is nothing, whatever the file is."""

from __future__ import annotations

from typing import Protocol

from nwbin.errors import LookupFailure, nearest

__all__ = ["nothing_at"]


class _Tree(Protocol):
    def kind(self, path: str) -> str | None:
        """Return "group", "dataset", or None where nothing is."""

    def children(self, path: str) -> list[str]:
        """Return the names in a group."""


def nothing_at(path: str, tree: _Tree, name: str, what: str) -> LookupFailure:
    """The error of a path at which a tree has nothing: where on the way to it that begins.

    Parameters
    ----------
    path
        The path.
    tree
        What was looked through.
    name, what
        The file's name, and what it is: "file", "store".
    """
    parent, _, last = path.rstrip("/").rpartition("/")
    if parent and tree.kind(parent) != "group":
        return LookupFailure(f"{name}: has no {path}: {parent} is not there")
    there = tree.children(parent)
    if last in there:
        return LookupFailure(
            f"{name}: {path} is a link that leads to nothing; the {what} is incomplete: ask whoever made it"
        )
    return LookupFailure(f"{name}: has no {path}; {nearest(last, there)}")
