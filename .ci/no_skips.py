"""Fail if tests were skipped that CI has everything for; only the developers' shared folder may be absent."""

# ruff: noqa: T201
from __future__ import annotations

import os
import sys
from xml.etree import ElementTree as ET

if __name__ == "__main__":
    cases = list(ET.parse(sys.argv[1]).iter("testcase"))
    skipped = [
        (case.get("classname"), case.get("name"), skip.get("message") or "")
        for case in cases
        for skip in case.iter("skipped")
    ]
    wrong = [one for one in skipped if "NWBIN_SHARED" in os.environ or "shared folder" not in one[2]]
    for classname, name, message in wrong:
        print(f"skipped, but must run here: {classname}::{name}: {message}")
    print(f"{len(cases)} tests, {len(skipped)} skipped, {len(wrong)} of them wrongly")
    sys.exit(1 if wrong or len(cases) == len(skipped) else 0)
