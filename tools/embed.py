#!/usr/bin/env python3
# A file as a C header: embed.py FILE NAME HEADER. SPDX-License-Identifier: Apache-2.0
import pathlib
import sys


def main():
    source, name, header = sys.argv[1:]
    data = pathlib.Path(source).read_bytes()
    lines = [", ".join(str(byte) for byte in data[at : at + 16]) for at in range(0, len(data), 16)]
    pathlib.Path(header).write_text(f"static const unsigned char {name}[] = {{\n" + ",\n".join(lines) + "\n};\n")


if __name__ == "__main__":
    main()
