"""Read the junit file of tests/parity: the live comparison ran, and nothing was skipped that CI has everything for."""

# ruff: noqa: T201
from __future__ import annotations

import os
import sys
from xml.etree import ElementTree as ET

if __name__ == "__main__":
    absent = ["NWBIN_ALLENSDK_PYTHON", *(["shared folder"] if "NWBIN_SHARED" in os.environ else [])]
    live = False
    wrong = []
    for case in ET.parse(sys.argv[1]).iter("testcase"):
        reasons = [skip.get("message") or "" for skip in case.iter("skipped")]
        wrong += [f"{case.get('name')}: {why}" for why in reasons if any(word in why for word in absent)]
        live |= "live" in (case.get("name") or "") and not reasons
    for one in wrong:
        print(f"skipped, but must run here: {one}")
    if not live:
        print("no live comparison with AllenSDK ran")
    sys.exit(1 if wrong or not live else 0)
