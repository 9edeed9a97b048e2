"""Where nwbin's answer is not AllenSDK's: the whole list, each with a test that shows both answers.

A difference names the calls that it applies to, what AllenSDK answers (so that it is noticed when that
changes), and checks nwbin's answer to be the right one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

# What a check gets: nwbin's answer or exception, the recorded call, the recorded table if any, the session.
Check = Callable[[Any, dict[str, Any], "dict[str, Any] | None", Any], bool]


@dataclass(frozen=True)
class Difference:
    """One way in which nwbin differs from AllenSDK on purpose."""

    name: str
    calls: tuple[str, ...]
    allensdk: str
    nwbin: str
    check: Check
    request: Callable[[Mapping[str, Any]], bool] | None = None

    def applies(self, call: str) -> bool:
        """Whether a call's answer may differ for this reason."""
        return any(fnmatchcase(call, pattern) for pattern in self.calls)


def _raises(kind: type[Exception], words: str) -> Check:
    return lambda mine, call, frame, session: isinstance(mine, kind) and words in str(mine)
