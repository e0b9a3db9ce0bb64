#!/usr/bin/env python3
# The lab: boots virtual hosts under QEMU's emulation with a Debian kernel, runs happypath in them, and compares what
# it says. `lab.py BUILD [NAME…]`, `lab.py BUILD list`. Skips (77) where QEMU or a kernel cannot be had.
# SPDX-License-Identifier: Apache-2.0
import glob
import json
import lzma
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import time

SKIP = 77


class Missing(Exception):
    """Something that the lab needs and this machine does not have."""


# -- kernel and root ----------------------------------------------------------------------------------


def kernel_package():
    text = subprocess.run(["apt-cache", "depends", "linux-image-amd64"], capture_output=True, text=True).stdout
    names = re.findall(r"Depends: (linux-image-[\w.-]+-amd64)", text)
    if not names:
        raise Missing("no package linux-image-amd64")
    return names[0]


def fetch_kernel(folder):
    """The unpacked kernel package: its vmlinuz and modules. Nothing is installed on this machine."""
    unpacked = folder / "kernel"
    if not glob.glob(str(unpacked / "boot/vmlinuz-*")):
        name = kernel_package()
        if subprocess.run(["apt-get", "download", "-qq", name], cwd=folder).returncode:
            raise Missing(f"cannot download {name}")
        subprocess.run(["dpkg-deb", "-x", glob.glob(str(folder / "linux-image-*.deb"))[0], unpacked], check=True)
    return unpacked


def plain_kernel(bzimage, to):
    """The ELF image inside of a bzImage, which QEMU enters by PVH: emulation would take seconds to unpack it.
    Layout: Documentation/arch/x86/boot.rst, setup_sects, payload_offset and payload_length."""
    if to.exists():
        return to
    data = bzimage.read_bytes()
    start = ((data[0x1F1] or 4) + 1) * 512
    offset, length = struct.unpack_from("<II", data, 0x248)
    payload = data[start + offset : start + offset + length - 4]
    if payload[:6] != b"\xfd7zXZ\x00":
        raise Missing(f"{bzimage}: not compressed by xz")
    to.write_bytes(lzma.LZMADecompressor().decompress(payload))
    return to


class Archive:
    """A cpio archive in the newc format (Documentation/driver-api/early-userspace/buffer-format.rst)."""

    def __init__(self):
        self.parts, self.names, self.size = [], set(), 0

    def add(self, name, mode, data=b""):
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

    def file(self, name, path):
        self.add(name.lstrip("/"), 0o100755, pathlib.Path(path).read_bytes())

    def link(self, name, target):
        self.add(name, 0o120777, target.encode())

    def write(self, path):
        self.add("TRAILER!!!", 0)
        path.write_bytes(b"".join(self.parts))
        return path


def libraries(program):
    text = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return re.findall(r"(/[^\s]+)\s+\(0x", text)


def tree_files(folder):
    return (p for p in sorted(folder.rglob("*")) if p.is_file())


def module_files(kernel, release, names):
    """The files of modules and of all they depend on, in the order to load them."""
    modules = kernel / "lib/modules" / release
    if not (modules / "modules.dep.bin").exists():
        subprocess.run(["depmod", "-b", kernel, release], check=True)
    depends = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        path, rest = line.split(":")
        depends[os.path.basename(path).split(".ko")[0].replace("-", "_")] = (path, rest.split())
    order = []
    for name in names:
        if name not in depends:
            continue  # built in
        path, rest = depends[name]
        for each in [*reversed(rest), path]:
            if each not in order:
                order.append(each)
    return [modules / each for each in order]


INIT = """#!/bin/sh
mount -t proc none /proc; mount -t sysfs none /sys; mount -t devtmpfs none /dev
for m in $(cat /modules.list); do insmod /modules/$m; done
export HAPPYPATH_KNOWLEDGE=/usr/share/happypath/knowledge/knowledge.sqlite
exec >/dev/ttyS1 2>/dev/ttyS0
stty -F /dev/ttyS1 raw -echo 2>/dev/null
COMMANDS
echo LAB-END
poweroff -f
"""


def make_root(folder, build, kernel, release, commands, modules):
    archive = Archive()
    program = build / "happypath"
    archive.file("bin/happypath", program)
    archive.file("bin/busybox", shutil.which("busybox"))
    for applet in "sh mount insmod cat echo stty poweroff ls".split():
        archive.link(f"bin/{applet}", "busybox")
    for library in libraries(program):
        archive.file(library, library)
    for path in tree_files(build / "knowledge"):
        if path.suffix == ".sqlite":
            archive.file(f"usr/share/happypath/knowledge/{path.name}", path)
    names = []
    for path in module_files(kernel, release, modules):
        data = path.read_bytes()
        archive.add(f"modules/{path.name}", 0o100644, data)
        names.append(path.name)
    archive.add("modules.list", 0o100644, "\n".join(names).encode())
    archive.add("init", 0o100755, INIT.replace("COMMANDS", commands).encode())
    for name in "proc sys dev tmp run etc".split():
        archive.add(name, 0o040755)
    return archive.write(folder / "root.cpio")


# -- the virtual host ---------------------------------------------------------------------------------

# A port with ACS and a device with VFs below it; a conventional bridge with two devices; a multifunction slot without
# ACS; a switch without ACS; a second host bridge on node 1.
TOPOLOGY = """
-device pcie-root-port,id=rp1,chassis=1,slot=1,addr=2.0,multifunction=on
-device pcie-root-port,id=rp2,chassis=2,slot=2,addr=2.1
-device pcie-root-port,id=rp3,chassis=3,slot=3,addr=2.2
-device pcie-root-port,id=rp4,chassis=4,slot=4,addr=2.3
-device pcie-root-port,id=rp5,chassis=5,slot=5,addr=2.4
-device nvme-subsys,id=sub0
-device nvme,bus=rp1,serial=lab0,subsys=sub0,sriov_max_vfs=4,sriov_vq_flexible=8,sriov_vi_flexible=4,max_ioqpairs=12,msix_qsize=9
-device e1000e,bus=rp2
-device pcie-pci-bridge,id=pb,bus=rp3
-device edu,bus=pb,addr=1
-device ati-vga,model=rage128p,bus=pb,addr=2
-device pci-testdev,bus=rp4,addr=0.0,multifunction=on
-device virtio-gpu-pci,bus=rp4,addr=0.1
-device x3130-upstream,id=up,bus=rp5
-device xio3130-downstream,id=dn1,bus=up,chassis=11,slot=1
-device xio3130-downstream,id=dn2,bus=up,chassis=12,slot=2
-device edu,bus=dn1
-device e1000e,bus=dn2
-device pxb-pcie,id=px1,bus_nr=128,numa_node=1,bus=pcie.0
-device pcie-root-port,id=rp6,bus=px1,chassis=6,slot=6
-device bochs-display,bus=rp6
"""
IOMMU = ["-device", "intel-iommu,intremap=on,caching-mode=on,device-iotlb=on"]


class Lab:
    def __init__(self, build):
        self.build = build
        self.folder = build / "lab"
        self.folder.mkdir(exist_ok=True)
        for program in ("qemu-system-x86_64", "busybox", "depmod", "dpkg-deb"):
            if not shutil.which(program):
                raise Missing(f"no {program}")
        self.kernel = fetch_kernel(self.folder)
        image = pathlib.Path(glob.glob(str(self.kernel / "boot/vmlinuz-*"))[0])
        self.release = image.name[len("vmlinuz-") :]
        self.vmlinux = plain_kernel(image, self.folder / "vmlinux")

    def boot(self, name, commands, modules=(), devices=TOPOLOGY, iommu=True, append="", seconds=240):
        """Boots a virtual host, runs the commands in it and returns what they wrote to their output."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        root = make_root(folder, self.build, self.kernel, self.release, commands, modules)
        console, data = folder / "console.log", folder / "data.log"
        words = f"""qemu-system-x86_64 -accel tcg,thread=multi -M q35,kernel-irqchip=split -cpu max -smp 2,sockets=2 -m 1024
            -object memory-backend-ram,id=m0,size=512M -object memory-backend-ram,id=m1,size=512M
            -numa node,nodeid=0,cpus=0,memdev=m0 -numa node,nodeid=1,cpus=1,memdev=m1
            -nodefaults -no-user-config -vga none -display none -no-reboot
            -serial file:{console} -serial file:{data} -kernel {self.vmlinux} -initrd {root}""".split()
        words += (IOMMU if iommu else []) + devices.split()
        words += ["-append", f"console=ttyS0 panic=-1 quiet {'intel_iommu=on' if iommu else ''} {append}"]
        started = time.monotonic()
        try:
            done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the virtual host did not end within {seconds} s; see {console}")
        self.took = time.monotonic() - started
        text = data.read_text(errors="replace") if data.exists() else ""
        if "LAB-END" not in text:
            raise AssertionError(f"the virtual host did not get through its commands: {done.stderr[-300:]} see {console}")
        return text.split("LAB-END")[0]

    def facts(self, name, **options):
        return json.loads(self.boot(name, "happypath facts -o json", **options))["facts"]


# -- tests --------------------------------------------------------------------------------------------


def partition(facts, origin):
    """The groups as sets of addresses, whatever their numbers."""
    groups = {}
    for function in facts["pci_function"]:
        assert function.get("iommu_group_origin", "observed") == origin, f"{function['address']}: not {origin}"
        groups.setdefault(function.get("iommu_group"), set()).add(function["address"])
    return {frozenset(members) for members in groups.values()}


def groups(lab):
    """Groups predicted on a host booted without its IOMMU equal those that the kernel forms with it."""
    real = partition(lab.facts("groups-on"), "observed")
    off = lab.facts("groups-off", append="intel_iommu=off")
    assert off["iommu"][0]["state"] == "off", f"IOMMU: {off['iommu']}"
    predicted = partition(off, "predicted")
    wrong = sorted(sorted(g) for g in real ^ predicted)
    assert not wrong, f"{len(wrong)} groups differ: {wrong}"
    return f"{sum(map(len, real))} functions in {len(real)} groups, predicted without the IOMMU as formed with it"


TESTS = {"groups": groups}


def main():
    # Emulation is slow enough without sanitizers: the test suite runs the lab with the release build or not at all.
    build = pathlib.Path(sys.argv[1]).resolve()
    if (build / "meson-private").exists() and "HP_TEST" in os.environ:
        if "HP_RELEASE_BUILD" not in os.environ:
            print("skipped: no release build is named; ./dev test names it")
            return SKIP
        build = pathlib.Path(os.environ["HP_RELEASE_BUILD"]).resolve()
    names = sys.argv[2:] or list(TESTS)
    if names == ["list"]:
        print("\n".join(f"{name}: {test.__doc__}" for name, test in TESTS.items()))
        return 0
    unknown = [name for name in names if name not in TESTS]
    if unknown:
        print(f"no lab test {unknown[0]}; there are: {', '.join(TESTS)}", file=sys.stderr)
        return 2
    try:
        lab = Lab(build)
    except Missing as missing:
        print(f"skipped: {missing}")
        return SKIP
    failed = 0
    for name in names:
        try:
            print(f"{name}: ok, {TESTS[name](lab)}", flush=True)
        except (AssertionError, ValueError, KeyError) as why:
            print(f"{name}: FAIL, {why}", flush=True)
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
