#!/usr/bin/env python3
# The lab: boots virtual hosts with accelerators under QEMU's emulation and proves there what happypath does.
# `lab.py BUILD [NAME…]`, `lab.py BUILD list`, `lab.py BUILD shell [TOPOLOGY]`. Skips (77) where QEMU or a kernel cannot be
# had. A test is a script in cases/, whose head names its virtual host, or a function below.
# SPDX-License-Identifier: Apache-2.0
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import time
from xml.etree import ElementTree

import disk
from guestview import GuestView
from machine import HERE, Failed, Lab, verdict
from packages import Missing
from power import PowerLoss
from topology import TOPOLOGIES

SKIP = 77
LONGEST = ["power-loss", "crash-slices", "crash", "run", "emit", "libvirt", "kernel-cmdline", "container", "journal-flushes"]


# -- tests that are scripts ---------------------------------------------------------------------------


def yes(value):
    return value == "yes"


class Case:
    """A script for the virtual host. Comments at its head say which: '#: KEY VALUE', keys being those of OPTIONS."""

    OPTIONS = {"preload": str, "program": str, "source": str, "tree": str, "iommu": str, "append": str, "module": str,
               "inner": yes, "disk": yes, "kernel": yes, "bzimage": yes, "parts": str.split, "seconds": int, "cpus": int}

    def __init__(self, path):
        self.name, self.steps = path.stem, path.read_text()
        self.summary = re.search(r"^# (.*)$", self.steps, re.M)[1]
        self.options, self.programs, self.preloads, self.sources = {"modules": []}, [], [], []
        for key, value in re.findall(r"^#: (\w+) (.*)$", self.steps, re.M):
            if key not in self.OPTIONS:
                raise ValueError(f"{path}: no option '{key}'; there are: {', '.join(self.OPTIONS)}")
            if key == "module":
                self.options["modules"].append(value)
            elif key == "program":
                self.programs.append(value.split())
            elif key == "preload":
                self.preloads.append(HERE / value)
            elif key == "source":
                self.sources.append(HERE / value)
            else:
                self.options[key] = self.OPTIONS[key](value)

    def __call__(self, lab):
        files = {name: found for package, path in self.programs for name, found in lab.parts_of(package, path)}
        files |= {f"lab/{source.stem}.so": lab.compile(source) for source in self.preloads}
        files |= {f"usr/bin/{source.stem}": lab.compile_program(source) for source in self.sources}
        files |= {"lab/vmlinux": lab.kernel.image} if self.options.pop("kernel", False) else {}
        files |= {"boot/vmlinuz": lab.kernel.packed} if self.options.pop("bzimage", False) else {}
        if self.options.get("disk"):
            return self.boots(lab)
        return self.parts(lab, files, **self.options)

    def parts(self, lab, files, parts=(), **options):
        """The script once, or for each part ($part) in a virtual host of its own, all at the same time."""
        if not parts:
            return verdict(lab.boot(self.name, self.steps, files=files, **options))
        with concurrent.futures.ThreadPoolExecutor() as pool:
            texts = pool.map(lambda part: lab.boot(f"{self.name}-{part}", f"part={part}\n{self.steps}", files=files, **options),
                             parts)
            return "; ".join(map(verdict, texts))

    def boots(self, lab):
        """Each part of the script in a boot of its own, from the same disk; the last one's figure counts."""
        options = {key: self.options[key] for key in ("tree", "iommu", "seconds") if key in self.options}
        image = disk.copy(lab, self.name)
        for number, part in enumerate(self.steps.split("#: boot\n")):
            figure = verdict(lab.boot_disk(self.name, image, part, **options))
            (lab.folder / self.name / "data.log").rename(lab.folder / self.name / f"data-{number}.log")
        image.unlink()
        return figure


# -- tests that compare hosts -------------------------------------------------------------------------


def partition(facts, origin):
    """The groups as sets of addresses, whatever their numbers."""
    groups = {}
    for function in facts["pci_function"]:
        assert function.get("iommu_group_origin", "observed") == origin, f"{function['address']}: not {origin}"
        groups.setdefault(function.get("iommu_group"), set()).add(function["address"])
    return {frozenset(members) for members in groups.values()}


class Groups:
    name = "groups"
    summary = "Groups predicted on a host booted without its IOMMU equal those that the kernel forms with it."

    def __call__(self, lab):
        real = partition(self.facts(lab, "intel"), "observed")
        off = self.facts(lab, "off")
        assert off["iommu"][0]["state"] == "off", f"IOMMU: {off['iommu']}"
        predicted = partition(off, "predicted")
        wrong = sorted(sorted(g) for g in real ^ predicted)
        assert not wrong, f"{len(wrong)} groups differ: {wrong}"
        return f"{sum(map(len, real))} functions in {len(real)} groups, predicted without the IOMMU as formed with it"

    def facts(self, lab, iommu):
        return json.loads(lab.boot(f"groups-{iommu}", "happypath facts -o json", iommu=iommu))["facts"]


class Boot:
    name = "boot"
    summary = "The tuned shape boots unpacked, with one root port and no default devices; its time beside those of others."

    ROUNDS = 3
    DISPLAY, NETWORK = "03", "02"

    def __call__(self, lab):
        folder = lab.folder / self.name
        folder.mkdir(exist_ok=True)
        plot = folder / "boot.svg"
        boots = self.measure(lab, plot)
        tuned, default, microvm = (boots["qemu", shape] for shape in ("tuned", "default", "microvm"))
        assert default["entry"] == "bzimage", f"QEMU's default did not boot a bzImage: {default}"
        assert tuned["entry"] == microvm["entry"] == "pvh", f"a decompressor ran: {tuned} {microvm}"
        assert tuned["bridges"] == 1, f"expected one root port: {tuned}"
        classes = [word[:2] for word in tuned["classes"].split()]
        assert not {self.DISPLAY, self.NETWORK} & set(classes), f"default devices: {tuned}"
        assert {self.DISPLAY, self.NETWORK} <= {word[:2] for word in default["classes"].split()}, f"no default devices: {default}"
        self.check_plot(plot.read_text())
        times = ", ".join(f"{boot['shape']} {boot['median_ms'] / 1000:.2f} s" for boot in (default, tuned, microvm))
        return (f"under emulation, medians of {self.ROUNDS}: {times}; tuned is {tuned['median_ms'] / default['median_ms']:.2f} "
                f"of the default and {tuned['median_ms'] / microvm['median_ms']:.2f} of microvm; plot {plot}")

    def measure(self, lab, plot):
        environment = {**os.environ, "HAPPYPATH_KNOWLEDGE": str(lab.build / "knowledge/knowledge.sqlite"),
                       "HAPPYPATH_CACHE": str(lab.folder / self.name / "cache")}
        done = subprocess.run([lab.build / "happypath", "bench", "boot", "--kernel", lab.kernel.packed, "--accel", "tcg", "--rounds",
                               str(self.ROUNDS), "--plot", plot, "-o", "json"], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        assert "under emulation" in done.stderr, done.stderr
        boots = {(boot["vmm"], boot["shape"]): boot for boot in json.loads(done.stdout)["boots"]}
        for boot in boots.values():
            assert boot["how"] == "emulation" and (boot["vmm"] != "qemu" or boot["median_ms"]), boot
        return boots

    def check_plot(self, text):
        bars = ElementTree.fromstring(text).findall(".//{http://www.w3.org/2000/svg}rect")
        assert len(bars) == 1 + 3, f"{len(bars)} rectangles instead of a background and three bars"
        assert "under emulation" in text, "the plot does not say that it was measured under emulation"


def all_tests():
    tests = [Boot(), Groups(), GuestView(), PowerLoss(), *(Case(path) for path in sorted((HERE / "cases").glob("*.sh")))]
    return {test.name: test for test in tests}


# -- running them -------------------------------------------------------------------------------------


def run_one(lab, test, took):
    start = time.monotonic()
    try:
        print(f"{test.name}: ok, {test(lab)}", flush=True)
        return True
    except (AssertionError, ValueError, KeyError, OSError, subprocess.SubprocessError, Missing) as why:
        print(f"{test.name}: FAIL, {why}", flush=True)
        return False
    finally:
        took[test.name] = time.monotonic() - start


def owner(names, place):
    """Whose virtual host ran in a folder: the test's of that name, or of which the name goes on."""
    return max((name for name in names if f"{place}-".startswith(f"{name}-")), key=len, default=place)


def where_time_went(lab, took, whole):
    """A line for each test, the costliest first: its seconds, and those of a processor that its virtual hosts took. The disk
    that several boot from has its own."""
    busy = dict.fromkeys(took, 0.0)
    for place, seconds in lab.spent:
        name = owner(took, place)
        busy[name] = busy.get(name, 0) + seconds
    print(f"{'':16}{'seconds':>8}  of a processor in virtual hosts")
    for name in sorted(busy, key=lambda name: -busy[name]):
        print(f"{name:16}{took.get(name, 0):8.0f}{busy[name]:8.0f}")
    print(f"{'all':16}{whole:8.0f}{sum(busy.values()):8.0f}")


def run(lab, tests):
    """As many at a time as there are processors: each is mostly one virtual processor's work. The longest first."""
    tests.sort(key=lambda test: LONGEST.index(test.name) if test.name in LONGEST else len(LONGEST))
    start, took = time.monotonic(), {}
    with concurrent.futures.ThreadPoolExecutor(min(os.cpu_count(), 8)) as pool:
        passed = list(pool.map(lambda test: run_one(lab, test, took), tests))
    where_time_went(lab, took, time.monotonic() - start)
    return 0 if all(passed) else 1


def build_folder(argument):
    """Emulation is slow enough without sanitizers: the test suite runs the lab with the release build or not at all."""
    if "HP_TEST" not in os.environ:
        return pathlib.Path(argument).resolve()
    release = os.environ.get("HP_RELEASE_BUILD")
    return pathlib.Path(release).resolve() if release else None


def main():
    build, names = build_folder(sys.argv[1]), sys.argv[2:]
    if not build:
        print("skipped: no release build is named; ./dev test names it")
        return SKIP
    tests = all_tests()
    if names == ["list"]:
        print("\n".join(f"{test.name}: {test.summary}" for test in tests.values()))
        return 0
    shell = names[:1] == ["shell"]
    known = TOPOLOGIES if shell else tests
    asked = (names[1:] or ["8xh100"]) if shell else names or list(tests)
    unknown = [name for name in asked if name not in known]
    if unknown or (shell and len(asked) != 1):
        print(f"no such {'topology' if shell else 'test'}: {' '.join(unknown or asked)}; there are: {', '.join(known)}",
              file=sys.stderr)
        return 2
    try:
        lab = Lab(build)
    except Missing as missing:
        print(f"skipped: {missing}")
        return SKIP
    return lab.shell(asked[0]) if shell else run(lab, [tests[name] for name in asked])


if __name__ == "__main__":
    sys.exit(main())
