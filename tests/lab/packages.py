# What the lab takes from Debian's packages without installing anything: kernel, modules, headers, programs of guests.
# SPDX-License-Identifier: Apache-2.0
import contextlib
import fcntl
import glob
import hashlib
import lzma
import os
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile


class Missing(Exception):
    """Something that the lab needs and this machine does not have."""


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Missing(f"no {program}")


def depends(package, pattern):
    """The package that a meta package stands for."""
    text = subprocess.run(["apt-cache", "depends", package], capture_output=True, text=True).stdout
    names = re.findall(rf"Depends: ({pattern})\n", text)
    if not names:
        raise Missing(f"no package {package}")
    return names[0]


def unpack(names, downloads, to):
    """Downloads packages and unpacks them into one folder."""
    downloads.mkdir(parents=True, exist_ok=True)
    to.mkdir(parents=True, exist_ok=True)
    for name in names:
        if not glob.glob(f"{downloads}/{name}_*.deb"):
            if subprocess.run(["apt-get", "download", "-qq", name], cwd=downloads, stderr=subprocess.DEVNULL).returncode:
                raise Missing(f"cannot download {name}")
        subprocess.run(["dpkg-deb", "-x", glob.glob(f"{downloads}/{name}_*.deb")[0], to], check=True)
    return to


@contextlib.contextmanager
def one_at_a_time(folder, what="making"):
    """Tests run side by side, and share what one of them makes."""
    with open(folder / f".{what}", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def digest(sources):
    total = hashlib.sha256()
    for path in sources:
        total.update(str(path).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def current(target, sources):
    """Whether a file was made of what its sources hold now; made() says so of a new one."""
    stamp = target.with_name(f".{target.name}.of")
    return target.exists() and stamp.exists() and stamp.read_text() == digest(sources)


def made(target, sources):
    target.with_name(f".{target.name}.of").write_text(digest(sources))
    return target


def libraries(program):
    text = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    return re.findall(r"(/[^\s]+)\s+\(0x", text)


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


class Kernel:
    """Debian's kernel, unpacked: its plain image, its modules, and the lab's own built for it."""

    def __init__(self, folder, sources):
        need("dpkg-deb", "depmod")
        self.folder, self.sources, self.downloads = folder, sources, folder / "downloads"
        self.root = folder / "kernel"
        if not glob.glob(f"{self.root}/boot/vmlinuz-*"):
            unpack([depends("linux-image-amd64", r"linux-image-[\w.-]+-amd64")], self.downloads, self.root)
        image = pathlib.Path(glob.glob(f"{self.root}/boot/vmlinuz-*")[0])
        self.packed = image
        self.release = image.name[len("vmlinuz-") :]
        self.image = plain_kernel(image, folder / "vmlinux")
        self.modules = self.root / "lib/modules" / self.release
        self.build_modules()

    def build_modules(self):
        """The lab's nvidia modules, beside the kernel's own."""
        sources = sorted(p for p in self.sources.iterdir() if p.is_file())
        to = self.modules / "updates"
        if current(to / "nvidia.ko", sources) and (self.modules / "modules.dep.bin").exists():
            return
        need("make", "gcc", "strip")
        work = self.folder / "nvidia"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(self.sources, work)
        done = subprocess.run(["make", "-s", "-C", self.headers(), f"M={work}", "ARCH=x86", "modules"],
                              capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"the nvidia module does not build:\n{done.stdout}{done.stderr}")
        to.mkdir(exist_ok=True)
        for module in work.glob("*.ko"):
            subprocess.run(["strip", "--strip-debug", "-o", to / module.name, module], check=True)
        subprocess.run(["depmod", "-b", self.root, self.release], check=True)
        made(to / "nvidia.ko", sources)

    def headers(self):
        """The kernel's headers, unpacked; their Makefile names a place that only an installed package has."""
        root = self.folder / "headers"
        headers = root / f"usr/src/linux-headers-{self.release}"
        if headers.exists():
            return headers
        package = f"linux-headers-{self.release}"
        common = depends(package, r"linux-headers-[\w.-]+-common")
        unpack([package, common, depends(package, r"linux-kbuild-[\w.]+")], self.downloads, root)
        (headers / "Makefile").write_text(f"include {root}/usr/src/{common}/Makefile\n")
        return headers

    def module_files(self, names):
        """The files of modules and of all that they depend on."""
        rows = {}
        for line in (self.modules / "modules.dep").read_text().splitlines():
            path, rest = line.split(":")
            rows[os.path.basename(path).split(".ko")[0].replace("-", "_")] = [path, *rest.split()]
        found = {path for name in names for path in rows.get(name.replace("-", "_"), [])}
        return sorted(self.modules / path for path in found)

    def module_tree(self, names):
        """The files of modules and of all that they depend on, with indexes of just these: every look at a host reads those,
        and emulation takes seconds for Debian's thousands. Names within lib/modules/RELEASE, and contents."""
        with tempfile.TemporaryDirectory() as scratch:
            tree = pathlib.Path(scratch, "lib/modules", self.release)
            kept = [self.modules / f"modules.{index}" for index in ("order", "builtin", "builtin.modinfo")]
            for path in [*self.module_files(names), *kept]:
                to = tree / path.relative_to(self.modules)
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, to)
            subprocess.run(["depmod", "-b", scratch, self.release], check=True)
            return {str(path.relative_to(tree)): path.read_bytes() for path in sorted(tree.rglob("*")) if path.is_file()}
