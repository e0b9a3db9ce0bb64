#!/usr/bin/env python3
# Prints a text file as a C string of the given name. SPDX-License-Identifier: Apache-2.0
import sys

print(f"static const char {sys.argv[2]}[] =")
for line in open(sys.argv[1], encoding="utf-8"):
    print('\t"' + line.rstrip("\n").replace("\\", "\\\\").replace('"', '\\"') + '\\n"')
print(";")
