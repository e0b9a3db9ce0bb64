# What was written to a disk, in which order, and when it was flushed: the format of the kernel's dm-log-writes
# (Documentation/admin-guide/device-mapper/log-writes.rst, drivers/md/dm-log-writes.c), in which QEMU writes it too.
# SPDX-License-Identifier: Apache-2.0
import os
import struct

MAGIC = 0x6A736677736872
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
UNIT = 512  # sectors of entries are of this size, whatever the log's own


class Entry:
    def __init__(self, fields, at, length):
        (self.sector, _, self.flags, _), self.at, self.length = fields, at, length


class Writes:
    """The entries of a log."""

    def __init__(self, path):
        self.file = open(path, "rb")
        magic, version, count, size = struct.unpack("<QQQI", self.file.read(28))
        if magic != MAGIC or version != 1:
            raise ValueError(f"{path}: no log of writes")
        self.entries, at = [], size
        for _ in range(count):
            fields = struct.unpack("<QQQQ", os.pread(self.file.fileno(), 32, at))
            data = 0 if fields[2] & DISCARD else fields[1] * UNIT
            self.entries.append(Entry(fields, at + size, fields[1] * UNIT))
            at += size + -(-data // size) * size

    def data(self, entry):
        if entry.flags & DISCARD:
            return b"\0" * entry.length
        return os.pread(self.file.fileno(), entry.length, entry.at)

    def find(self, text):
        """The number of the first entry that writes the text at the beginning of a block."""
        for number, entry in enumerate(self.entries):
            if entry.length and text in self.data(entry):
                return number
        raise ValueError(f"nobody wrote {text!r}")

    def flushed_before(self, number):
        """The first entry that is not known to be on the disk when the power goes just before entry `number`."""
        while number and not self.entries[number - 1].flags & (FLUSH | FUA):
            number -= 1
        return number

    def replay(self, disk, numbers):
        """Writes entries to a disk's file."""
        with open(disk, "r+b") as file:
            for number in numbers:
                entry = self.entries[number]
                os.pwrite(file.fileno(), self.data(entry), entry.sector * UNIT)
