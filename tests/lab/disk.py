# A virtual host that boots from its own disk: Debian with systemd, GRUB and the tools that own devices beside happypath.
# The image is made once; each test works on a copy of it. SPDX-License-Identifier: Apache-2.0
import pathlib
import shutil
import struct
import subprocess

import packages

HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = """linux-image-amd64 initramfs-tools zstd systemd-sysv udev dbus kmod grub-pc busybox-static pciutils mdevctl
    driverctl libvirt-daemon-system libvirt-clients libsqlite3-0 libjansson4 libsmartcols1 libkmod2 libfyaml0""".split()
# Parts of packages that no virtual host of ours has a use for: unpacking them would be most of the work, and each look at a
# host reads the index of its modules.
DRIVERS_LEFT_OUT = """net media gpu infiniband staging usb scsi hid iio input isdn ata hwmon mtd video mmc bluetooth watchdog mfd
    i2c comedi platform thermal w1 power memstick hwtracing leds message accessibility target""".split()
MODULES_LEFT_OUT = """sound net/wireless net/bluetooth net/netfilter net/ipv4/netfilter net/ipv6/netfilter net/bridge fs/ocfs2
    fs/btrfs fs/xfs fs/ceph fs/smb arch/x86/crypto""".split() + [f"drivers/{name}" for name in DRIVERS_LEFT_OUT]
LEFT_OUT = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*"] + [
    f"/lib/modules/*/kernel/{name}/*" for name in MODULES_LEFT_OUT]
# Units that cost seconds under emulation and change nothing here.
MASKED = """systemd-timesyncd.service e2scrub_reap.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer
    fstrim.timer logrotate.timer e2scrub_all.timer getty@tty1.service serial-getty@ttyS0.service systemd-networkd.service
    libvirt-guests.service systemd-logind.service systemd-fsck-root.service systemd-journal-flush.service
    systemd-random-seed.service systemd-sysusers.service systemd-update-utmp.service systemd-update-utmp-runlevel.service
    systemd-user-sessions.service systemd-pstore.service modprobe@fuse.service modprobe@efi_pstore.service
    modprobe@loop.service modprobe@drm.service modprobe@dm_mod.service modprobe@configfs.service
    sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount sys-fs-fuse-connections.mount
    dev-mqueue.mount""".split()
LATER = ["libvirtd.service"]  # started by whoever asks its socket
SECTOR, START = 512, 1 << 20
SIZE = 1 << 30
UUID = "6c616220-6469-736b-0000-000000000001"  # of the root file system


def sources():
    """The file by which this machine knows Debian's archive."""
    for path in ("/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"):
        if pathlib.Path(path).exists():
            return path
    raise packages.Missing("no apt sources for Debian")


def remove(tree):
    """Removes a tree unless something is mounted in it, which would be emptied as well."""
    mounts = pathlib.Path("/proc/self/mounts").read_text().split("\n")
    within = [line.split()[1] for line in mounts if line and line.split()[1].startswith(f"{tree.resolve()}/")]
    if within:
        raise RuntimeError(f"{tree} is not removed: mounted in it are {' '.join(within)}")
    shutil.rmtree(tree, ignore_errors=True)


def bootstrap(tree):
    """A Debian root in a folder, with GRUB and initramfs-tools as an installation leaves them."""
    packages.need("mmdebstrap", "mke2fs", "qemu-img")
    remove(tree)
    prepare = f'cp -r {HERE}/guest/disk/. "$1"'
    # In a mount namespace of its own: what it mounts below the tree goes with it, however it ends. A chroot has none to give.
    alone = ["unshare", "--mount"]
    if subprocess.run([*alone, "true"], stderr=subprocess.DEVNULL).returncode:
        alone = []
    command = [*alone, "mmdebstrap", "--mode=root", "--variant=minbase", f"--setup-hook={prepare}", "--dpkgopt=force-unsafe-io",
               *(f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT), f"--include={','.join(PACKAGES)}",
               "bookworm", tree, sources()]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise packages.Missing(f"mmdebstrap: {done.stderr[-300:]}")


def settle(tree, kernel):
    """What the lab adds: its modules, the service that runs a test's steps, and no units that only cost time."""
    modules = tree / "lib/modules" / kernel.release
    shutil.copytree(kernel.modules / "updates", modules / "updates", dirs_exist_ok=True)
    subprocess.run(["depmod", "-b", tree, kernel.release], check=True)
    units = tree / "etc/systemd/system"
    for unit in MASKED:
        link(units / unit, "/dev/null")
    for unit in LATER:
        (units / "multi-user.target.wants" / unit).unlink(missing_ok=True)
    link(units / "multi-user.target.wants/lab.service", "/etc/systemd/system/lab.service")
    link(units / "default.target", "/lib/systemd/system/multi-user.target")
    (tree / "etc/fstab").write_text(f"UUID={UUID} / ext4 rw 0 1\n")
    (tree / "etc/hostname").write_text("lab\n")


def link(path, target):
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def boot_sectors(tree, image):
    """A partition table with one bootable Linux partition, and GRUB in front of it: boot.img loads what follows it, which
    is where `grub-install` puts core.img too."""
    modules = "/usr/lib/grub/i386-pc"
    shutil.copytree(f"{tree}{modules}", tree / "boot/grub/i386-pc", dirs_exist_ok=True)
    subprocess.run(["chroot", tree, "grub-mkimage", "-O", "i386-pc", "-o", "/boot/grub/i386-pc/core.img", "-p",
                    "(hd0,msdos1)/boot/grub", "biosdisk", "part_msdos", "ext2"], check=True)
    core = (tree / "boot/grub/i386-pc/core.img").read_bytes()
    entry = struct.pack("<B3sB3sII", 0x80, b"\xfe\xff\xff", 0x83, b"\xfe\xff\xff", START // SECTOR, (SIZE - START) // SECTOR)
    assert SECTOR + len(core) <= START, "GRUB does not fit in front of the partition"
    with open(image, "r+b") as disk:
        disk.write(pathlib.Path(f"{tree}{modules}/boot.img").read_bytes()[:440])
        disk.seek(446)
        disk.write(entry + bytes(48) + b"\x55\xaa" + core)


CONFIGURE = f"""
appears /dev/vda1
mkdir -p /dev/disk/by-uuid && ln -s ../../vda1 /dev/disk/by-uuid/{UUID} # as udev does: GRUB looks for it
mount -t ext4 /dev/vda1 /mnt || fail "the disk cannot be mounted"
for d in dev proc sys; do mount --bind /$d /mnt/$d; done
start=$(now)
chroot /mnt update-grub 2>&1 || fail "update-grub"
umount /mnt/sys /mnt/proc /mnt/dev /mnt
ok "update-grub took $(since "$start") s"
"""


def make(lab):
    """The image that tests copy; made anew where what it holds has changed."""
    image = lab.folder / "disk.img"
    made_of = [HERE / "disk.py", *sorted(p for p in (HERE / "guest/disk").rglob("*") if p.is_file()),
               *sorted((lab.kernel.modules / "updates").glob("*.ko"))]
    with packages.one_at_a_time(lab.folder, "making-disk"):  # takes minutes, in which others go on
        if not packages.current(image, made_of):
            make_anew(lab, image)
            packages.made(image, made_of)
    return image


def make_anew(lab, image):
    tree = lab.folder / "tree"
    unfinished = image.with_suffix(".new")
    bootstrap(tree)
    settle(tree, lab.kernel)
    unfinished.unlink(missing_ok=True)
    subprocess.run(["truncate", "-s", str(SIZE), unfinished], check=True)
    boot_sectors(tree, unfinished)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-U", UUID, "-E", f"offset={START}", "-d", tree, unfinished, f"{(SIZE - START) >> 10}k"],
                   check=True)
    print("disk:", lab.check("disk", CONFIGURE, disk=unfinished, modules=["virtio_pci", "virtio_blk", "ext4"]))
    remove(tree)
    unfinished.rename(image)


def copy(lab, name):
    """A disk of a test's own, which holds what differs from the image."""
    image, disk = make(lab), lab.folder / name / "disk.qcow2"
    disk.parent.mkdir(exist_ok=True)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", image, "-F", "raw", disk], check=True)
    return disk
