"""Read a junit file of pytest: no test was skipped because of a library that is installed here, and each was used.

python .ci/no_skips_of.py tests.xml pynapple neo ...
"""

# ruff: noqa: T201
from __future__ import annotations

import sys
from xml.etree import ElementTree as ET

if __name__ == "__main__":
    cases = list(ET.parse(sys.argv[1]).iter("testcase"))
    names = sys.argv[2:]
    # A module that is skipped as a whole is a case of its own.
    skipped = [
        f"{case.get('classname')} {case.get('name')}: {(skip.get('message') or '') + (skip.text or '')}"
        for case in cases
        for skip in case.iter("skipped")
    ]
    wrong = [one for one in skipped if any(f"'{name}" in one for name in names)]
    for one in wrong:
        print(f"skipped, but must run here: {one}")
    print(f"{len(cases)} tests, {len(skipped)} skipped")
    sys.exit(1 if wrong or len(cases) < 60 else 0)
