#!/usr/bin/env python3
# Every pattern of kernel messages must get past the coarse filter of the probe that reads the kernel's log: each of its
# alternatives holds one of the filter's words. SPDX-License-Identifier: Apache-2.0
import csv
import pathlib
import re
import sys


def alternatives(pattern):
    depth, found = 0, [""]
    for character in pattern:
        depth += (character == "(") - (character == ")")
        if character == "|" and depth == 0:
            found.append("")
        else:
            found[-1] += character
    return found


def main():
    root = pathlib.Path(sys.argv[1])
    source = (root / "lib/probe/kernel-log.c").read_text(encoding="utf-8")
    words = re.findall(r'"([^"]+)"', re.search(r"words\[\] = \{(.*?)\};", source, re.S).group(1))
    with open(root / "knowledge/matrices/kernel_message_pattern.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lost = [(row["kind"], part) for row in rows for part in alternatives(row["pattern"])
            if not any(word in part for word in words)]
    for kind, part in lost:
        print(f"{kind}: no word of kernel-log.c is in '{part}'")
    print(f"figures: {len(rows)} patterns, {len(words)} words, {len(lost)} alternatives lost")
    sys.exit(1 if lost or not rows or not words else 0)


if __name__ == "__main__":
    main()
