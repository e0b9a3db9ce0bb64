#!/usr/bin/env python3
# happypath, or a tool that it runs, is killed at every point of a walk; recover puts all right: `test-crash.py HAPPYPATH
# PLAN-OF`. Each kind walks there and back on a root of its own, with tools of ours in place of the system's. Skips (77)
# where it may not make mounts. SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SKIP = 77
HERE = pathlib.Path(__file__).resolve().parent
GPU = "0000:01:00.0"
TOOLS = ("update-grub", "update-initramfs", "mkinitramfs", "lsinitramfs", "systemctl", "nvidia-ctk", "nvidia-smi")
HAPPYPATH = "/test/happypath"
RANDOM_TIMES = 20
SEED = int(os.environ.get("HP_TEST_SEED", random.randrange(1 << 32)))

# Kind, subject and word of each walk, and whether a tool changes something on the way.
WALKS = (
    ("file", "/etc/security/limits.d/gpu.conf", "line * - memlock unlimited", False),
    ("modprobe", "happypath.conf", "blacklist nouveau", False),
    ("modprobe", "site.conf", "softdep nvidia pre: vfio-pci", True),
    ("modules-load", "happypath.conf", "vfio-pci vfio", False),
    ("initramfs", "all", "with vfio-pci", True),
    ("kernel-cmdline", "kernel", "+intel_iommu=on +iommu=pt", True),
    ("unit", "gpu.service", "enabled running", True),
    ("cdi", "/etc/cdi/nvidia.yaml", "generated", False),
    ("runtime", "docker", "nvidia cdi", True),
    ("persistence", GPU, "on", True),
    ("mig", GPU, "2x3g.40gb", True),
)


def in_own_mounts():
    if os.environ.get("HP_TEST_MOUNTS"):
        return
    may = os.geteuid() == 0 and shutil.which("unshare") and shutil.which("gcc")
    if not may or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        print("skipped: needs root and mounts of its own")
        sys.exit(SKIP)
    os.environ["HP_TEST_MOUNTS"] = "1"
    os.execvp("unshare", ["unshare", "-m", sys.executable, *sys.argv])


# -- the root ---------------------------------------------------------------------------------------

FILES = {
    "etc/hostname": "there\n",
    "etc/os-release": "ID=debian\n",
    "etc/security/limits.d/gpu.conf": "# The site's own.\n",
    "etc/modprobe.d/site.conf": "# Mine.\noptions nvidia NVreg_A=1\n",
    "etc/initramfs-tools/modules": "# List of modules\n",
    "boot/initrd.img-6.12.1": "",
    "etc/default/grub": 'GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\n',
    "boot/grub/grub.cfg": "",
    "etc/systemd/system/gpu.service": "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
    "etc/docker/daemon.json": '{"live-restore": true}\n',
    "var/gpu/persistence": "0\n",
    "var/gpu/mig": "0\n",
    "var/gpu/pending": "0\n",
    f"sys/bus/pci/devices/{GPU}/vendor": "0x10de\n",
    "run/tools/pause": "\n",
    "test/cmdline": "BOOT_IMAGE=/boot/vmlinuz-6.12.1 root=UUID=1 ro quiet\n",
}
FOLDERS = ("usr/sbin", "usr/local/sbin", "run/systemd/units", "run/lock", "etc/systemd/system/multi-user.target.wants",
           "state", "proc", "dev", "test", "tmp")
SHARED = ("usr/bin", "usr/lib", "usr/lib64", "lib", "lib64", "bin", "proc", "dev")
WATCHED = ("etc", "boot", "var/gpu", "run/systemd")  # what must be as before or as after


class Root:
    """A root of its own, in which happypath finds nothing but what the walks need."""

    def __init__(self, happypath, plan_of):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="happypath-crash-"))
        subprocess.run(["mount", "-t", "tmpfs", "root", self.path], check=True)
        for name in FOLDERS:
            (self.path / name).mkdir(parents=True, exist_ok=True)
        for name, text in FILES.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for name in SHARED:
            self.share(name)
        subprocess.run(["mount", "--bind", self.path / "test/cmdline", self.path / "proc/cmdline"], check=True)
        for tool in TOOLS:
            shutil.copy(HERE / "tools.sh", self.path / "usr/sbin" / tool)
            (self.path / "usr/sbin" / tool).chmod(0o755)
        for name, program in (("happypath", happypath), ("plan-of", plan_of)):
            shutil.copy(program, self.path / "test" / name)
        subprocess.run(["gcc", "-std=gnu17", "-O1", "-shared", "-fPIC", "-o", self.path / "test/killer.so", HERE / "killer.c"],
                       check=True)
        self.preload = [*sanitizers(happypath), "/test/killer.so"]
        (self.path / "run/systemd/units/invocation:docker.service").symlink_to("0123456789abcdef")
        self.settle()

    def share(self, name):
        source = pathlib.Path("/") / name
        if source.is_symlink():
            (self.path / name).symlink_to(os.readlink(source))
        elif source.is_dir():
            (self.path / name).mkdir(parents=True, exist_ok=True)
            subprocess.run(["mount", "--rbind", source, self.path / name], check=True)

    def settle(self):
        """What the tools make of the files as they are."""
        for words in (("update-grub",), ("update-initramfs", "-u", "-k", "6.12.1")):
            self.run(f"/usr/sbin/{words[0]}", *words[1:])
        (self.path / "run/tools/runs").unlink()

    def popen(self, *words, **environment):
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                preexec_fn=lambda: (os.chroot(self.path), os.chdir("/")),
                                env={"HAPPYPATH_STATE": "/state", "PATH": "/usr/sbin:/usr/bin:/bin",
                                     "ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0", **environment})

    def run(self, *words, code=(0,), **options):
        process = self.popen(*words, **options)
        said, _ = process.communicate(timeout=60)
        assert not code or process.returncode in code, f"{words}: exit {process.returncode}: {said}"
        return said

    def snapshot(self):
        """What a killed tool leaves beside its file is its own, and the next run takes it up."""
        return {str(path.relative_to(self.path)): self.state_of(path) for name in WATCHED
                for path in sorted((self.path / name).rglob("*")) if path.suffix != ".new"}

    @staticmethod
    def state_of(path):
        if path.is_symlink():
            return os.readlink(path)
        status = path.stat()
        return (status.st_mode, status.st_uid, "" if path.is_dir() else path.read_text())

    def remove(self):
        """All that was mounted goes with the root; nothing is removed through a mount."""
        subprocess.run(["umount", "-R", "-l", self.path], check=True)
        self.path.rmdir()


def sanitizers(program):
    """Libraries that want to be loaded before any other."""
    linked = subprocess.run(["ldd", program], capture_output=True, text=True).stdout.split()
    return [word for word in linked if word.startswith("/") and "libasan" in word]


# -- a walk, killed ----------------------------------------------------------------------------------


def differences(a, b):
    return sorted(path for path in a.keys() | b.keys() if a.get(path) != b.get(path))


class Walk:
    """One step there and back, and where it may end."""

    def __init__(self, root, kind, subject, word):
        self.root, self.name, self.points = root, f"{kind} {subject}", 0
        (root.path / "plan.json").write_text(root.run("/test/plan-of", kind, subject, word))
        self.before = root.snapshot()
        self.go("apply")
        self.after = root.snapshot()
        assert differences(self.before, self.after), f"{self.name}: nothing changes"
        self.go("undo")
        self.expect_one_of("undo", self.before)

    words = {"apply": (HAPPYPATH, "apply", "--yes", "/plan.json"), "undo": (HAPPYPATH, "undo"),
             "recover": (HAPPYPATH, "recover", "--wait", "20")}

    def go(self, verb):
        """Exit 7: done, and a reboot is needed for it to take effect."""
        self.root.run(*self.words[verb], code=(0, 7))

    def expect_one_of(self, when, *wanted):
        found = self.root.snapshot()
        assert found in wanted, f"{self.name}, {when}: between: {[differences(found, one) for one in wanted]}"
        return found

    def start(self, verb):
        """Brings the root to where the verb begins, with no more journals than need be."""
        wanted = self.before if verb == "apply" else self.after
        found = self.root.snapshot()
        if found != self.before:
            self.go("undo")
        shutil.rmtree(self.root.path / "state/journal", ignore_errors=True)
        if verb == "undo":
            self.go("apply")
        self.expect_one_of(f"before {verb}", wanted)

    def kill_at(self, verb, who, number):
        """Whether the process was killed at its so manyth call that changes something."""
        for name in ("counts", "counts.fired"):
            (self.root.path / "tmp" / name).unlink(missing_ok=True)
        self.root.run(*self.words[verb], code=(), LD_PRELOAD=":".join(self.root.preload), CRASH_COUNTS="/tmp/counts",
                      CRASH_WHO=who, CRASH_AT=str(number))
        return (self.root.path / "tmp/counts.fired").exists()

    def recover(self, when):
        self.root.run(*self.words["recover"])
        return self.expect_one_of(when, self.before, self.after)

    def at_every_point(self, verb, who):
        number = 1
        while True:
            self.start(verb)
            if not self.kill_at(verb, who, number):
                return number - 1
            self.recover(f"{verb}, its {who} killed at call {number}")
            number += 1
            self.points += 1

    def recover_at_every_point(self, verb, at):
        """The same of recover, after the verb was killed at one point."""
        for who in ("parent", "child"):
            number = 1
            while True:
                self.start(verb)
                assert self.kill_at(verb, "parent", at)
                if not self.kill_at("recover", who, number):
                    self.expect_one_of("recover", self.before, self.after)
                    break
                self.recover(f"{verb} killed at call {at}, recover's {who} at call {number}")
                number += 1
                self.points += 1

    def at_random_times(self, verb, whom, times):
        """While a tool runs, it or happypath is killed."""
        for _ in range(RANDOM_TIMES):
            self.start(verb)
            when = self.kill_while_a_tool_runs(verb, whom, times)
            self.recover(f"{verb}, {when}")
            self.points += 1

    def kill_while_a_tool_runs(self, verb, whom, times):
        runs, pause = self.root.path / "run/tools/runs", self.root.path / "run/tools/pause"
        runs.unlink(missing_ok=True)
        pause.write_text("0.005\n")
        process = self.root.popen(*self.words[verb])
        number, later = random.randint(1, times["runs"]), random.uniform(0, times["seconds"])
        victims = self.wait_for_run(runs, number, process)
        time.sleep(later)
        victim = process.pid if whom == "happypath" else victims[number - 1] if len(victims) >= number else 0
        if victim:
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it was through already
        process.communicate(timeout=60)
        pause.write_text("\n")
        return f"{whom} killed {later * 1000:.1f} ms after tool {number} began"

    @staticmethod
    def wait_for_run(runs, number, process):
        while process.poll() is None:
            started = runs.read_text().split() if runs.exists() else []
            if len(started) >= number:
                return [int(pid) for pid in started]
            time.sleep(0.0005)
        return []

    def measure(self, verb):
        """How many tools a verb runs, and how long one of them takes."""
        runs, pause = self.root.path / "run/tools/runs", self.root.path / "run/tools/pause"
        self.start(verb)
        runs.unlink(missing_ok=True)
        pause.write_text("0.005\n")
        began = time.monotonic()
        self.go(verb)
        took = time.monotonic() - began
        pause.write_text("\n")
        count = len(runs.read_text().split()) if runs.exists() else 0
        return {"runs": count, "seconds": took / max(count, 1)}


def walk(root, kind, subject, word, with_tools):
    one = Walk(root, kind, subject, word)
    for verb in ("apply", "undo"):
        calls = one.at_every_point(verb, "parent")
        one.at_every_point(verb, "child")
        one.recover_at_every_point(verb, calls * 2 // 3)
        times = one.measure(verb)
        assert bool(times["runs"]) == with_tools, f"{one.name}: {times['runs']} tools ran"
        for whom in ("happypath", "the tool") if with_tools else ():
            one.at_random_times(verb, whom, times)
    one.start("apply")
    print(f"{one.name}: {one.points} points", flush=True)
    return one.points


def main():
    in_own_mounts()
    release = os.environ.get("HP_RELEASE_BUILD")
    happypath = f"{release}/happypath" if release else sys.argv[1]
    random.seed(SEED)
    print(f"seed {SEED} (HP_TEST_SEED)")
    root = Root(happypath, sys.argv[2])
    try:
        points = sum(walk(root, *row) for row in WALKS if not sys.argv[3:] or row[0] in sys.argv[3:])
    finally:
        root.remove()
    print(f"figures: killed at {points} points of {len(WALKS)} walks")


main()
