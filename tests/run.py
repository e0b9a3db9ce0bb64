#!/usr/bin/env python3
# Runs all tests of a build folder by meson and sums them up in one line: fails where one fails or none
# ran. SPDX-License-Identifier: Apache-2.0
import json
import os
import subprocess
import sys


def results(folder):
    path = os.path.join(folder, "meson-logs", "testlog.json")
    with open(path, encoding="utf-8") as log:
        return [json.loads(line) for line in log]


def main():
    folder, arguments = sys.argv[1], sys.argv[2:]
    log = os.path.join(folder, "meson-logs", "testlog.json")
    if os.path.exists(log):
        os.remove(log)
    status = subprocess.run(["meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs",
                             "--timeout-multiplier", "4", *arguments]).returncode
    if not os.path.exists(log):
        sys.exit("no test ran")
    rows = results(folder)
    # What tests measured is worth seeing, not only that they passed.
    for row in rows:
        for line in (row.get("stdout") or "").splitlines():
            if line.startswith(("foresight:", "figures:", "nulling:", "parity:", "skipped:", "left out:")) or ": ok, " in line:
                print(f"{row['name'].split(' / ')[-1]}: {line}")
    passed = sum(r["result"] in ("OK", "EXPECTEDFAIL") for r in rows)
    skipped = sum(r["result"] == "SKIP" for r in rows)
    failed = len(rows) - passed - skipped
    for row in rows:
        if row["result"] == "SKIP":
            print(f"skipped: {row['name']}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if status or failed or not passed else 0)


if __name__ == "__main__":
    main()
