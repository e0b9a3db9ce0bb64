#!/usr/bin/env python3
# Measures happypath against the budgets, beside other tools, on a synthetic host with 8 GPUs and 517 PCI functions: all in
# one run, turn by turn, because machines are noisy; what counts is the ratios. `bench.py BUILD [ROUNDS]`
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parent.parent


def quiet(words, **options):
    return subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)


def prepare(build, folder):
    """The synthetic root, on tmpfs where there is one, and the bare reader."""
    root = folder / "root"
    subprocess.run([sys.executable, TREE / "tests/hosts/make-8xh100.py", root], check=True, stdout=subprocess.DEVNULL)
    bare = folder / "bare"
    subprocess.run(["cc", "-O2", "-o", bare, HERE / "bare.c"], check=True)
    return root, bare


def commands(build, root, bare):
    happypath = build / "happypath"
    rows = {
        "bare reading, 8 facts": [bare, root],
        "bare reading, config, resource": [bare, root, "config"],
        "check --level 0": [happypath, "check", "--root", root, "--level", "0"],
        "check --level 1": [happypath, "check", "--root", root, "--level", "1"],
    }
    if shutil.which("lspci"):
        rows["lspci -vvv"] = ["lspci", "-O", f"sysfs.path={root}/sys/bus/pci", "-vvv"]
    if shutil.which("virt-host-validate"):
        rows["virt-host-validate qemu (live)"] = ["virt-host-validate", "qemu"]
    return rows


def hurry():
    """Real-time priority, which the commands inherit, where it is allowed: what else runs disturbs less. Says what it did."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
        return "with real-time priority"
    except OSError as error:
        return f"with ordinary priority (real-time: {error.strerror})"


def measure(rows, rounds):
    times = {name: [] for name in rows}
    for _ in range(rounds):
        for name, words in rows.items():
            started = time.perf_counter()
            quiet(words)
            times[name].append((time.perf_counter() - started) * 1000)
    return {name: statistics.median(each) for name, each in times.items()}


def peak_megabytes(words):
    """Peak resident size of one command, by GNU time: a child of this process would be charged for its parent's."""
    if not os.access("/usr/bin/time", os.X_OK):
        return None
    done = subprocess.run(["/usr/bin/time", "-f", "%M", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return f"{int(done.stderr.split()[-1]) / 1024:.1f}"


def system_calls(words):
    if not shutil.which("strace"):
        return None
    done = subprocess.run(["strace", "-f", "-c", "-U", "calls,name", *words], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True)
    total = re.findall(r"^\s*(\d+)\s+total", done.stderr, re.M)
    return int(total[0]) if total else None


BUDGETS = [
    # what, against what, at most
    ("check --level 0", "bare reading, 8 facts", 2.5),
    ("check --level 0", "lspci -vvv", 0.4),
    ("check --level 1", "bare reading, config, resource", 2.5),
    ("check --level 1", "lspci -vvv", 0.5),
]


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 15
    shm = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=shm) as name:
        root, bare = prepare(build, pathlib.Path(name))
        rows = commands(build, root, bare)
        priority = hurry()
        measure(rows, 2)  # warm caches
        medians = measure(rows, rounds)
        processors = len(os.sched_getaffinity(0))
        print(f"medians of {rounds} rounds, whole processes, taken in turn, {priority}, on {processors} processors\n")
        print(f"{'command':34} {'ms':>8} {'MB':>6} {'syscalls':>9}")
        for what, words in rows.items():
            print(f"{what:34} {medians[what]:8.1f} {peak_megabytes(words) or '':>6} {system_calls(words) or '':>9}")
        print(f"\n{'ratio':70} {'is':>5} {'budget':>7}")
        for what, against, budget in BUDGETS:
            if against in medians:
                ratio = medians[what] / medians[against]
                print(f"{what + ' / ' + against:70} {ratio:5.2f} {budget:7.2f} {'' if ratio <= budget else 'over'}")


if __name__ == "__main__":
    main()
