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

# Without GRUB no second search for devices either: what the disk needs the initramfs has loaded, and nvidia is named. Nor
# what neither the steps nor happypath's unit ask for: starting it would be most of such a boot.
LEFT_OUT = """systemd-udevd.service systemd-udev-trigger.service systemd-udev-settle.service systemd-udevd-kernel.socket
    systemd-udevd-control.socket systemd-sysctl.service systemd-remount-fs.service systemd-tmpfiles-setup.service
    systemd-tmpfiles-setup-dev.service systemd-tmpfiles-clean.timer kmod-static-nodes.service dev-hugepages.mount
    proc-sys-fs-binfmt_misc.automount systemd-ask-password-console.path systemd-ask-password-wall.path systemd-initctl.socket
    libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket virtlogd.socket virtlogd-admin.socket virtlockd.socket
    virtlockd-admin.socket""".split()
DIRECT = "modules_load=nvidia " + " ".join(f"systemd.mask={unit}" for unit in LEFT_OUT)


def initramfs(lab, folder):
    """The least that mounts the disk: for boots without GRUB, of which there are many."""
    path = folder / "to-disk.cpio"
    archive = Archive()
    archive.text("init", TO_DISK, 0o755)
    for name in "proc sys dev mnt".split():
        archive.add(name, 0o040755)
    archive.program("bin/busybox", shutil.which("busybox"))
    archive.link("bin/sh", "busybox")
    for name, content in lab.kernel.module_tree(["virtio_pci", "virtio_blk", "ext4", "crc32c_generic"]).items():
        archive.add(f"lib/modules/{lab.kernel.release}/{name}", 0o100644, content)
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
