# A cpio archive in the newc format (Documentation/driver-api/early-userspace/buffer-format.rst): the root of a virtual
# host, written without privileges. SPDX-License-Identifier: Apache-2.0
import os
import pathlib

import packages


class Archive:
    def __init__(self):
        self.parts, self.names = [], set()

    def add(self, name, mode, data=b""):
        name = name.strip("/")
        if name in self.names:
            return
        parent = os.path.dirname(name)
        if parent:
            self.add(parent, 0o040755)
        self.names.add(name)
        fields = [len(self.names), mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        head = b"070701" + b"".join(b"%08X" % f for f in fields) + name.encode() + b"\0"
        for piece in (head, data):
            self.parts.append(piece + b"\0" * (-len(piece) % 4))

    def text(self, name, text, mode=0o644):
        self.add(name, 0o100000 | mode, text.encode())

    def file(self, name, path):
        path = pathlib.Path(path)
        self.add(name, 0o100000 | path.stat().st_mode & 0o777, path.read_bytes())

    def link(self, name, target):
        self.add(name, 0o120777, target.encode())

    def program(self, name, path):
        """A program and the libraries that it is linked with."""
        self.file(name, path)
        for library in packages.libraries(path):
            self.file(library, library)

    def data(self):
        self.add("TRAILER!!!", 0)
        return b"".join(self.parts)
