# The virtual host loses its power during apply, and is booted again from its disk. SPDX-License-Identifier: Apache-2.0
#
# One host applies a plan while QEMU notes every write to its disk and every flush. Where the power goes, the disk holds
# what was written up to the last flush, and of what came since any part: by half, drawn by lot, each write whole or not at
# all. That is harsher than a QEMU killed, of whose writes none is lost. From each such disk a host is booted, by systemd
# with happypath's unit. QEMU loads the kernel and udev stays out: their part is proven by kernel-cmdline, and takes as long
# again.
import concurrent.futures
import random
import subprocess
import threading

import disk
from machine import HERE, Failed, verdict
from writes import Writes

POINTS, SEED, BOOTS = 20, 1, 2  # BOOTS at a time
TREE = {"tree": "one", "direct": True, "seconds": 1800}


def copy(source, to):
    subprocess.run(["cp", "--sparse=always", source, to], check=True)


class PowerLoss:
    name = "power-loss"
    summary = "The power goes while a plan is applied: the host that boots from what is on its disk is as before, or as after."

    def __call__(self, lab):
        self.lab, self.folder = lab, lab.folder / self.name
        self.folder.mkdir(exist_ok=True)
        self.writes = self.record(disk.make(lab))
        begin, end = (self.writes.find(f"LAB-MARK {word}".encode()) for word in ("begins", "ended"))
        self.running, self.written = self.folder / "running.img", 0
        copy(disk.make(lab), self.running)
        # From the first write to the last, by when apply has ended: so both sides are sure to come.
        cuts = [begin + 1 + (end - begin - 1) * i // (POINTS - 1) for i in range(POINTS)]
        try:
            self.after = ""  # the whole of it first, so that what "after" is can be told to the others
            self.after = self.reference(self.writes.flushed_before(len(self.writes.entries)))
            copy(disk.make(lab), self.running)
            self.written = 0
            sides = self.all(cuts)
        finally:
            for image in self.folder.glob("*.img"):
                image.unlink()
        if set(sides) != {"before", "after"}:
            raise Failed(f"the cuts do not fall on both sides: {sides}")
        flushes = sum(1 for e in self.writes.entries[begin:end] if e.flags)
        return (f"{POINTS} cuts in {end - begin} writes and flushes ({flushes} flushes) of an apply: {sides.count('before')} "
                f"came up as before, {sides.count('after')} as after")

    def record(self, image):
        """The log of a host that applies the plan."""
        first, log = self.folder / "first.img", self.folder / "writes.log"
        copy(image, first)
        text = self.lab.boot_disk(self.name, first, steps("apply"), log=log, **TREE)
        verdict(text)
        first.unlink()
        return Writes(log)

    def disk_at(self, name, cut):
        """A disk from which the power was taken before entry `cut`."""
        kept = self.writes.flushed_before(cut)
        self.writes.replay(self.running, range(self.written, kept))
        self.written = max(self.written, kept)
        image = self.folder / f"{name}.img"
        copy(self.running, image)
        lot = random.Random(f"{SEED} {cut}")
        self.writes.replay(image, [n for n in range(kept, cut) if lot.random() < 0.5])
        return image

    def reference(self, cut):
        text = self.boot("whole", self.disk_at("whole", cut))
        if "as after" not in verdict(text):
            raise Failed(f"applied and not cut, it came up {verdict(text)}")
        return text.split("LAB-STATE\n")[1]

    def boot(self, name, image):
        place = f"{self.name}-{name}"
        (self.lab.folder / place).mkdir(exist_ok=True)
        try:
            return self.lab.boot_disk(place, image, steps("boot"), files={"lab/after.state": self.after}, **TREE)
        finally:
            image.unlink()

    def all(self, cuts):
        room, sides = threading.Semaphore(BOOTS), []

        def come_up(cut, image):
            try:
                said = verdict(self.boot(cut, image))
                print(f"  {self.name}: cut before write {cut}: {said}", flush=True)
                return said.split()[1].rstrip(":")
            except AssertionError as why:
                raise Failed(f"cut before write {cut}: {why}")
            finally:
                room.release()

        with concurrent.futures.ThreadPoolExecutor(BOOTS) as pool:
            for cut in cuts:
                room.acquire()
                sides.append(pool.submit(come_up, cut, self.disk_at(cut, cut)))
            return [side.result() for side in sides]


def steps(part):
    """The steps of a part of guest/power-loss.sh."""
    return (HERE / "guest/power-loss.sh").read_text() + f"\n{part}\n"
