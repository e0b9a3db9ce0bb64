# A virtual host: QEMU's emulation of a Debian machine with accelerators. Its root is an archive in memory; what its steps
# write to their output comes back over the second serial port. SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import beside
import packages
import topology
from archive import Archive

HERE = pathlib.Path(__file__).resolve().parent
QEMU = "qemu-system-x86_64"
IOMMUS = {
    "intel": (["-device", "intel-iommu,intremap=on,caching-mode=on,device-iotlb=on"], "intel_iommu=on"),
    "amd": (["-device", "amd-iommu"], "amd_iommu=on"),
    "off": (["-device", "intel-iommu,intremap=on,caching-mode=on,device-iotlb=on"], "intel_iommu=off"),
    "none": ([], ""),
}
# Loadable wherever steps ask for them, whether or not the host starts with them.
MODULES = "kvm_amd kvm_intel snd-hda-intel vfio-pci vfio_iommu_type1 mdev nvidia nvidia-vgpu-vfio pci-stub pci-pf-stub loop ext4 crc32c_generic virtio_blk nvme virtio_pci".split()
MEMORY_MIB = 1024
# Emulation is slow at what protects from, and tests, hardware that is not there; on a busy machine its timer can seem dead.
# The cycle counter must not be taken at its word (tsc=reliable), though the HPET is slower: measured against a timer while
# others had the processor, it made a host's clock run fifteen times too fast, and systemd's time limits end what was well.
FAST = "mitigations=off cryptomgr.notests no_timer_check"


class Failed(AssertionError):
    """The virtual host did not do what its test expects."""


class Lab:
    """What all virtual hosts share: kernel, modules, devices, the program under test."""

    def __init__(self, build):
        packages.need(QEMU, "busybox", "gcc", "kmod")
        self.build, self.folder, self.spent = build, build / "lab", []
        self.folder.mkdir(exist_ok=True)
        with packages.one_at_a_time(self.folder):
            self.kernel = packages.Kernel(self.folder, HERE / "nvidia")
        self.devices = self.build_devices()

    def build_devices(self):
        version = subprocess.run([QEMU, "--version"], capture_output=True, text=True).stdout
        if not re.search(r"version 7\.2\.", version):
            raise packages.Missing(f"QEMU 7.2, for which the lab's devices are written; there is {version.splitlines()[0]}")
        return self.compile(HERE / "devices/accelerators.c")

    def compile(self, source):
        """A shared library of the lab's own."""
        return self.compile_as(source, f"{source.stem}.so", "-shared", "-fPIC")

    def compile_program(self, source):
        return self.compile_as(source, source.stem)

    def compile_as(self, source, name, *flags):
        made = self.folder / name
        with packages.one_at_a_time(self.folder):
            if not packages.current(made, [source]):
                subprocess.run(["gcc", "-std=gnu17", "-O1", "-g", "-Wall", "-Wextra", *flags, "-o", made, source], check=True)
                packages.made(made, [source])
        return made

    def parts_of(self, package, path):
        """A program of a package that need not be installed here, or all files of a folder in it: names and where they are."""
        root = self.folder / package
        with packages.one_at_a_time(self.folder):
            if not (root / path).exists():
                packages.unpack([package], self.kernel.downloads, root)
        return [(str(found.relative_to(root)), found) for found in sorted((root / path).glob("*")) or [root / path]]

    # -- roots --

    def inner_qemu(self):
        """An archive with a QEMU for the host to run guests of its own."""
        path, program = self.folder / "inner-qemu.cpio", pathlib.Path(shutil.which(QEMU))
        with packages.one_at_a_time(self.folder):
            if not packages.current(path, [program]):
                path.write_bytes(self.inner_qemu_archive(program))
                packages.made(path, [program])
        return path

    def inner_qemu_archive(self, program):
        """QEMU with its libraries, modules and ROMs."""
        archive = Archive()
        archive.program(f"usr/bin/{QEMU}", program)
        for rom in ("seabios/bios-256k.bin", "qemu/kvmvapic.bin", "qemu/linuxboot_dma.bin", "qemu/qboot.rom", "qemu/pvh.bin"):
            archive.file(f"usr/share/{rom}", pathlib.Path("/usr/share", rom).resolve())
        # Debian keeps the accelerators in modules of their own.
        for module in sorted(pathlib.Path("/usr/lib/x86_64-linux-gnu/qemu").glob("accel-*x86_64.so")):
            archive.program(str(module), module)
        return archive.data()

    def add_program(self, archive):
        archive.program("usr/bin/happypath", self.build / "happypath")
        archive.file("usr/share/happypath/knowledge/knowledge.sqlite", self.build / "knowledge/knowledge.sqlite")

    def root(self, modules, steps, files):
        archive = Archive()
        archive.file("init", HERE / "guest/init")
        for name in "proc sys dev tmp run mnt root sbin usr/bin usr/sbin var/lib etc lib64".split():
            archive.add(name, 0o040755)
        archive.program("bin/sh", shutil.which("dash"))  # busybox's shell would prefer its own modprobe to kmod's
        archive.program("bin/busybox", shutil.which("busybox"))
        archive.program("usr/bin/kmod", shutil.which("kmod"))
        for name in "modprobe insmod rmmod lsmod modinfo depmod".split():
            archive.link(f"usr/sbin/{name}", "../bin/kmod")
        archive.link("sbin/modprobe", "../usr/bin/kmod")  # where the kernel looks
        self.add_program(archive)
        archive.text("etc/profile", "export HAPPYPATH_KNOWLEDGE=/usr/share/happypath/knowledge/knowledge.sqlite PS1='lab# '\n")
        archive.text("etc/passwd", "root:x:0:0::/root:/bin/sh\n")
        archive.text("etc/group", "root:x:0:\n")
        within = f"lib/modules/{self.kernel.release}"
        needed = MODULES + [line.split()[0] for line in modules]
        for name, content in self.kernel.module_tree(needed).items():
            archive.add(f"{within}/{name}", 0o100644, content)
        archive.text("lab/modules", "".join(f"{line}\n" for line in modules))
        for shared in ("lab.sh", "crash.sh"):
            archive.file(f"lab/{shared}", HERE / "guest" / shared)
        if steps is not None:
            archive.text("lab/steps", f". /etc/profile\n. /lab/lab.sh\n{steps}\n")
        for name, source in files.items():
            if isinstance(source, str):
                archive.text(name, source)
            else:
                archive.program(name, source)
        return archive.data()

    # -- running --

    def words(self, tree, iommu, disks=(), cpus=1):
        """QEMU's words for a host. One processor: a second one, even idle, doubles what the emulation has to do."""
        half = MEMORY_MIB // 2
        words = f"""{QEMU} -accel tcg,thread=multi -M q35,kernel-irqchip=split -cpu max,phys-bits=46,la57=off
            -smp {cpus},sockets={cpus} -m {MEMORY_MIB}
            -object memory-backend-ram,id=m0,size={half}M -object memory-backend-ram,id=m1,size={half}M
            -numa node,nodeid=0,cpus=0,memdev=m0 -numa node,nodeid=1,{"cpus=1," if cpus > 1 else ""}memdev=m1
            -nodefaults -no-user-config -vga none -display none -no-reboot""".split()
        words += IOMMUS[iommu][0] + topology.words(tree)
        for number, (path, kind, *log) in enumerate(disks):
            words += self.logged(number, path, log[0]) if log else [
                "-drive", f"if=none,id=disk{number},file={path},format={kind}"]
            words += ["-device", f"virtio-blk-pci,drive=disk{number},bus=pcie.0,addr={0x1C + number:x},bootindex={number + 1}"]
        return words

    def logged(self, number, path, log):
        """A disk that notes in a file what is written to it, in which order, and when it is flushed."""
        log.write_bytes(b"")
        return ["-blockdev", f"driver=raw,node-name=plain{number},file.driver=file,file.filename={path}",
                "-blockdev", f"driver=blklogwrites,node-name=disk{number},file=plain{number},log.driver=file,"
                             f"log.filename={log},log-super-update-interval=1"]

    def kernel_words(self, iommu, append, initrd):
        return ["-kernel", self.kernel.image, "-initrd", initrd,
                "-append", f"console=ttyS0 panic=-1 quiet {FAST} {IOMMUS[iommu][1]} {append}"]

    def environment(self):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LD_PRELOAD": str(self.devices)}

    def start(self, name, words):
        """Starts a virtual host whose output goes into the test's folder."""
        folder = self.folder / name
        words = [*words, "-serial", f"file:{folder}/console.log", "-serial", f"file:{folder}/data.log"]
        (folder / "data.log").unlink(missing_ok=True)
        with open(folder / "qemu.log", "w", encoding="utf-8") as log:
            return subprocess.Popen(words, env=self.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def wait(self, name, host, seconds, cut):
        """Waits for a virtual host to end; with `cut`, for its steps."""
        end = time.monotonic() + seconds
        while not ended(host) and not (cut and "LAB-END" in self.output(name)):
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(QEMU, seconds)
            time.sleep(0.2)

    def finish(self, name, host, seconds, cut=False):
        """Waits for a virtual host to end, and returns what its steps wrote to their output. `cut`: once they are through,
        the power goes."""
        folder = self.folder / name
        try:
            self.wait(name, host, seconds, cut)
        except subprocess.TimeoutExpired:
            raise Failed(f"the virtual host did not end within {seconds} s; see {folder}/console.log")
        finally:
            self.spent.append((name, reap(host)))
        text = self.output(name)
        if "LAB-END" not in text:
            said = (folder / "qemu.log").read_text(errors="replace")[-300:]
            raise Failed(f"the virtual host did not get through its steps: {said} see {folder}/console.log")
        return text.split("LAB-END")[0]

    def output(self, name):
        data = self.folder / name / "data.log"
        return data.read_text(errors="replace") if data.exists() else ""

    def boot(self, name, steps, tree="mixed", iommu="intel", append="", modules=(), files=None, inner=False, disk=None,
             seconds=240, cpus=1):
        """Boots a virtual host from memory, runs the steps in it and returns what they wrote to their output."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        initrd = folder / "root.cpio"
        extra = self.inner_qemu().read_bytes() if inner else b""
        initrd.write_bytes(self.root(modules, steps, files or {}) + extra)
        words = self.words(tree, iommu, [(disk, "raw")] if disk else [], cpus) + self.kernel_words(iommu, append, initrd)
        try:
            return self.finish(name, self.start(name, words), seconds)
        finally:
            initrd.unlink()

    def boot_disk(self, name, disk, steps, tree="h100-mi300x", iommu="intel", seconds=300, direct=False, log=None, files=None):
        """Boots a virtual host from its disk through GRUB, and runs the steps in it. `direct`: QEMU loads the kernel, not
        GRUB, and takes the power away in the end. `log`: a file for what is written to the disk."""
        archive = self.folder / name / "steps.cpio"
        archive.write_bytes(beside.steps_archive(self, steps, files or {}).ljust(1 << 20, b"\0"))
        kind = "qcow2" if disk.suffix == ".qcow2" else "raw"
        words = self.words(tree, iommu, [(disk, kind, log) if log else (disk, kind), (archive, "raw")])
        if direct:
            words += self.kernel_words(iommu, beside.DIRECT, beside.initramfs(self, archive.parent))
        try:
            return self.finish(name, self.start(name, words), seconds, cut=direct)
        finally:
            archive.unlink()

    def check(self, name, steps, **options):
        return verdict(self.boot(name, steps, **options))

    def shell(self, tree):
        """A root shell on a virtual host, on this terminal."""
        initrd = self.folder / "shell.cpio"
        initrd.write_bytes(self.root(["nvidia"], None, {}) + self.inner_qemu().read_bytes())
        words = self.words(tree, "intel", cpus=2) + self.kernel_words("intel", "", initrd) + ["-chardev", "stdio,id=terminal,signal=off",
                                                         "-serial", "chardev:terminal"]
        return subprocess.run(words, env=self.environment()).returncode


def ended(host):
    """Whether a child has ended; it is not reaped yet."""
    return os.waitid(os.P_PID, host.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


def reap(host):
    """Ends a child; the seconds of a processor that it took."""
    os.kill(host.pid, signal.SIGKILL)  # host.kill() would reap one that has ended
    _, status, usage = os.wait4(host.pid, 0)
    host.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def verdict(text):
    """What the steps of a test ended with: the figure, or why they failed."""
    failed = re.search(r"^LAB-FAIL (.*)$", text, re.M)
    if failed:
        raise Failed(failed[1])
    passed = re.search(r"^LAB-OK (.*)$", text, re.M)
    if not passed:
        raise Failed(f"the steps ended without a verdict: …{text[-200:]!r}")
    return passed[1]
