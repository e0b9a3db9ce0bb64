#!/usr/bin/env python3
# Fails if a committed file is not what its generator prints: is-current.py FILE COMMAND...
# SPDX-License-Identifier: Apache-2.0
import difflib
import subprocess
import sys

path, command = sys.argv[1], sys.argv[2:]
made = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines(keepends=True)
with open(path, encoding="utf-8") as file:
    difference = list(difflib.unified_diff(file.readlines(), made, path, "as generated"))
sys.stdout.writelines(difference[:40])
if difference:
    sys.exit(f"{path} is not current; refresh it: {' '.join(command)} > {path}")
