#!/usr/bin/env python3
# Proves that check_matrices.py notices what it is there for: each mistake, made in a copy of the knowledge, must
# be named with its file. SPDX-License-Identifier: Apache-2.0
import csv
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = sys.argv[1]
CHECK = os.path.join(ROOT, "tests/knowledge/check_matrices.py")


def change(table, edit):
    """A mistake: edit(rows) on the rows of a table, the first of them the names of the columns."""
    def apply(root):
        path = os.path.join(root, "knowledge/matrices", table + ".csv")
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        edit(rows)
        with open(path, "w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
    return apply


def put(column, value, row=1):
    def edit(rows):
        rows[row][rows[0].index(column)] = value
    return edit


def contradict(rows):
    rows.append(list(rows[1]))
    put("since", "2025-01-01", len(rows) - 1)(rows)
    put("until", "", 1)(rows)


def swap_nine(rows):
    first, second = rows[1][1], rows[2][1]
    rows[1][1], rows[2][1] = second, first


MISTAKES = [
    ("a row without a source", change("support", put("source", "", 3)), "support.csv:4: source is empty"),
    ("a path that is no word", change("support", put("path", "maybe", 4)), "path is 'maybe', expected one of"),
    ("a day that is none", change("support", put("since", "2025-13-01", 5)), "since is '2025-13-01', expected a date"),
    ("an end before its begin", change("support", lambda r: (put("since", "2026-01-01", 6)(r), put("until", "2025-01-01", 6)(r))),
     "since 2026-01-01 is not before until 2025-01-01"),
    ("a model that nobody knows", change("support", lambda r: (put("match_kind", "model", 7)(r), put("match_value", "H1000", 7)(r))),
     "model H1000 is not in accelerator_model.csv"),
    ("a share that is not offered", change("support", lambda r: (put("vendor", "15b3", 8)(r), put("share", "mps", 8)(r))),
     "surface_share.csv has no such surface"),
    ("two rows of one rank and day", change("support", contradict), "contradicts knowledge/matrices/support.csv"),
    ("a missing field", change("vendor", lambda r: r[2].pop()), "vendor.csv:3: 3 fields, expected 4"),
    ("one key twice", change("vendor", lambda r: r.append(list(r[1]))), "same key as knowledge/matrices/vendor.csv:2"),
    ("an id in capitals", change("accelerator_model", put("device", "ABCD")), "expected four lower-case hex digits"),
    ("the nine in another order", change("surface", swap_nine), "the first nine are"),
    ("a surface without a price", change("cost", lambda r: r.__setitem__(slice(1, None), [x for x in r[1:] if x[0] != "kata"])),
     "kata has no price for isolation"),
    ("a pattern that is none", change("kernel_message_pattern", put("pattern", "(")), "pattern: "),
    ("more instances than placements", change("mig_profile", lambda r: (put("placements", "0")(r), put("max_instances", "7")(r))),
     "1 placements for 7 instances"),
    ("a table without a file", lambda root: os.remove(os.path.join(root, "knowledge/matrices/board.csv")),
     "board.csv: the table has no file"),
    ("a file without a table", lambda root: open(os.path.join(root, "knowledge/matrices/stray.csv"), "w").close(),
     "stray.csv: matrices.sql has no such table"),
]


# What would hide the others.
LATER_MISTAKES = [
    ("a missing column", change("vendor", lambda r: r[0].pop()), "vendor.csv:1: columns are"),
]


def run(root):
    done = subprocess.run([sys.executable, CHECK, root], capture_output=True, text=True)
    return done.returncode, done.stderr


def try_all(mistakes):
    """Makes all the mistakes in one copy; they lie in different rows. Returns the exit code and the messages."""
    with tempfile.TemporaryDirectory() as root:
        shutil.copytree(os.path.join(ROOT, "knowledge/matrices"), os.path.join(root, "knowledge/matrices"))
        os.makedirs(os.path.join(root, "lib/facts"))
        shutil.copy(os.path.join(ROOT, "lib/facts/schema.py"), os.path.join(root, "lib/facts"))
        for _, mistake, _ in mistakes:
            mistake(root)
        return run(root)


def main():
    assert try_all([])[0] == 0, try_all([])
    missed = []
    for batch in (MISTAKES, LATER_MISTAKES):
        code, messages = try_all(batch)
        missed += [name for name, _, expected in batch if not code or expected not in messages]
    print(f"{len(MISTAKES + LATER_MISTAKES)} kinds of mistakes, not noticed: {missed or 'none'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
