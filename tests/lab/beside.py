# What QEMU gives a virtual host beside its disk: the program under test with the steps of this boot; and, where GRUB is
# passed by, an initramfs. SPDX-License-Identifier: Apache-2.0
import pathlib
import shutil

from archive import Archive

HERE = pathlib.Path(__file__).resolve().parent

TO_DISK = """#!/bin/sh
/bin/busybox --install -s /bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
modprobe -a crc32c_generic virtio_pci virtio_blk ext4
until [ -e /dev/vda1 ]; do sleep 0.1; done
mount -t ext4 /dev/vda1 /mnt
for d in dev proc sys; do mount --move /$d /mnt/$d; done
exec switch_root /mnt /sbin/init
"""

# Without GRUB no second search for devices either: what the disk needs the initramfs has loaded, and nvidia is named.
DIRECT = "modules_load=nvidia " + " ".join(
    f"systemd.mask=systemd-{unit}" for unit in "udevd.service udev-trigger.service udev-settle.service udevd-kernel.socket "
    "udevd-control.socket".split())


def initramfs(lab, folder):
    """The least that mounts the disk: for boots without GRUB, of which there are many."""
    path = folder / "to-disk.cpio"
    archive = Archive()
    archive.text("init", TO_DISK, 0o755)
    for name in "proc sys dev mnt".split():
        archive.add(name, 0o040755)
    archive.program("bin/busybox", shutil.which("busybox"))
    archive.link("bin/sh", "busybox")
    modules = [*lab.kernel.module_files(["virtio_pci", "virtio_blk", "ext4", "crc32c_generic"]), *lab.kernel.indexes()]
    for module in modules:
        archive.file(f"lib/modules/{lab.kernel.release}/{module.relative_to(lab.kernel.modules)}", module)
    path.write_bytes(archive.data())
    return path


def steps_archive(lab, steps, files):
    """What a boot from the disk finds beside it: the program under test with its unit, and the steps of this boot."""
    archive = Archive()
    lab.add_program(archive)
    unit = (HERE.parent.parent / "packaging/happypath-recover.service").read_text()
    archive.text("usr/lib/systemd/system/happypath-recover.service", unit.replace("@bindir@", "/usr/bin"))
    archive.file("lab/lab.sh", HERE / "guest/lab.sh")
    archive.text("lab/steps", f". /run/lab/lab/lab.sh\n{steps}\n")
    for path, text in files.items():
        archive.text(path, text)
    return archive.data()
