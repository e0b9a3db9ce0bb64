#!/usr/bin/env python3
# Holds all C to .clang-format, by the version of clang-format that the tree is kept with; skips (77) without it.
# SPDX-License-Identifier: Apache-2.0
import re
import shutil
import subprocess
import sys

VERSION = "14"


def main():
    root = sys.argv[1]
    found = [p for p in (f"clang-format-{VERSION}", "clang-format") if shutil.which(p)]
    told = subprocess.run([found[0], "--version"], capture_output=True, text=True).stdout if found else ""
    if not re.search(rf"version {VERSION}\.", told):
        print(f"skipped: no clang-format {VERSION}")
        return 77
    files = subprocess.run(["git", "-C", root, "ls-files", "*.c", "*.h"], capture_output=True, text=True)
    if files.returncode:
        print("skipped: not a git checkout")
        return 77
    names = files.stdout.split()
    print(f"figures: {len(names)} files")
    return subprocess.run([found[0], "--dry-run", "-Werror", *names], cwd=root).returncode


if __name__ == "__main__":
    sys.exit(main())
