#!/usr/bin/env python3
"""What the VMMs and libvirt make of what is emitted for them. SPDX-License-Identifier: Apache-2.0

Cloud Hypervisor: its OpenAPI file (../shared/specs), with unknown keys refused. libvirt: its schemas,
and the arguments that it makes of a domain. QEMU: its own list of options. What is not installed is
named and left out.
"""
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

program, source = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
specs = source.parent / "shared/specs"
figures, left_out = [], []

HOSTS = {
    "8xh100": ["--facts", "examples/8xh100-sxm.facts.json"],
    "l40s": ["--facts", "tests/emit/l40s-vendor-vfio/host.facts.json"],
    "mi300x": ["--facts", "tests/emit/mi300x/host.facts.json"],
    "workstation": ["--facts", "tests/emit/workstation/host.facts.json"],
    "mdev": ["--assume", "gpu=10de:1db4", "--assume", "vgpu-mode=mdev", "--to", "qemu-vgpu", "--share",
             "vgpu:nvidia-742"],
}
DISK = ["--image", "/var/lib/a disk.qcow2"]


def emit(what, *arguments, expect=0):
    ran = subprocess.run([program, "emit", what, *arguments], cwd=source, capture_output=True, text=True, timeout=60)
    assert expect is None or ran.returncode == expect, f"emit {what} {arguments}: {ran.returncode}: {ran.stderr}"
    return ran.stdout if ran.returncode == 0 else None


def words(text):
    return shlex.split(text.replace("\\\n", " "))


# -- Cloud Hypervisor --


def schema_of(name):
    import yaml
    document = yaml.safe_load((specs / "cloud-hypervisor-openapi.yaml").read_text())
    for one in document["components"]["schemas"].values():
        if one.get("type") == "object" and "properties" in one:
            one["additionalProperties"] = False
    return {"$ref": f"#/components/schemas/{name}", "components": document["components"]}


def test_cloud_hypervisor():
    if not (specs / "cloud-hypervisor-openapi.yaml").exists():
        return left_out.append("Cloud Hypervisor's OpenAPI file")
    import jsonschema
    validator = jsonschema.Draft4Validator(schema_of("VmConfig"))
    assert list(validator.iter_errors({"payload": {"kernal": "x"}})), "an unknown key passes"
    count = 0
    for name, host in HOSTS.items():
        if name == "mdev":
            continue
        for more in ([], DISK, ["--kernel", "/k", "--initrd", "/i"],
                     ["--assume", "vmm=cloud-hypervisor@52.0", "--iommufd", "on"]):
            text = emit("cloud-hypervisor:json", *host, *more, "--to", "cloud-hypervisor", expect=None)
            if text is None:
                continue
            config = json.loads(text)
            errors = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in validator.iter_errors(config)]
            assert not errors, f"{name} {more}: {errors}"
            paths = [device["path"] for device in config["devices"]]
            assert paths and len(set(paths)) == len(paths), paths
            argv = words(emit("cloud-hypervisor", *host, *more, "--to", "cloud-hypervisor"))
            assert [w[5:].split(",")[0] for w in argv if w.startswith("path=/sys")] == paths
            count += 1
    assert count >= 8, count
    figures.append(f"{count} VmConfigs")


# -- QEMU --


class Options:
    """What the installed QEMU knows."""

    def __init__(self):
        self.seen = {}

    def keys(self, option, name):
        if (option, name) not in self.seen:
            said = subprocess.run(["qemu-system-x86_64", option, f"{name},help"], capture_output=True, text=True).stdout
            self.seen[option, name] = set(re.findall(r"^ *([\w-]+)=<", said, re.M))
        return self.seen[option, name]

    def unknown(self, argv):
        """Of a guest's devices and objects, what this QEMU has not."""
        found = set()
        for option, word in zip(argv, argv[1:]):
            if option not in ("-device", "-object"):
                continue
            name, *settings = word.replace(",,", "\0").split(",")
            known = self.keys(option, name)
            found |= set() if known else {name}
            found |= {f"{name}.{key}" for key in (s.split("=")[0] for s in settings)
                      if known and key not in known | {"id", "bus"}}
        return found


def test_qemu():
    if not shutil.which("qemu-system-x86_64"):
        return left_out.append("QEMU")
    options, count = Options(), 0
    for host in HOSTS.values():
        for more in ([], DISK, ["--kernel", "/k"]):
            argv = words(emit("qemu", *host, *more))
            assert not options.unknown(argv), options.unknown(argv)
            ports = {re.search(r"id=([^,]*)", w)[1] for w in argv if w.startswith("pcie-root-port")}
            chassis = [re.search(r"chassis=(\d+)", w)[1] for w in argv if w.startswith("pcie-root-port")]
            devices = [w for w in argv if w.startswith("vfio-pci")]
            assert devices and len(set(chassis)) == len(chassis) == len(ports)
            assert {re.search(r"bus=([^,]*)", w)[1] for w in devices} == ports
            count += 1
    newer = words(emit("qemu", *HOSTS["8xh100"], "--gpu", "0", "--assume", "vmm=qemu@9.2", "--iommufd", "on"))
    assert options.unknown(newer) <= {"iommufd", "vfio-pci.iommufd"}
    figures.append(f"{count} of QEMU's command lines, all options known; of 9.0 alone: "
                   f"{', '.join(sorted(options.unknown(newer))) or 'none'}")


def test_versions():
    """What a version has not is not emitted for it."""
    l40s = ["--assume", "gpu=10de:26b9"]
    assert "iommufd" not in emit("qemu", *l40s, "--assume", "vmm=qemu@8.2", "--iommufd", "on")
    assert "iommufd" in emit("qemu", *l40s, "--assume", "vmm=qemu@9.0", "--iommufd", "on")
    assert "iommufd" not in emit("cloud-hypervisor", *l40s, "--assume", "vmm=cloud-hypervisor@51.0", "--iommufd", "on")
    assert "iommufd=on" in emit("cloud-hypervisor", *l40s, "--assume", "vmm=cloud-hypervisor@52.0", "--iommufd", "on")


# -- names from strangers --


def test_hostile_names():
    evil = "a'b\"c $(touch /tmp/x) `id`, --device;\\\n-x"
    for host, what in (("8xh100", "qemu"), ("8xh100", "cloud-hypervisor"), ("8xh100", "crosvm")):
        argv = words(emit(what, *HOSTS[host], "--gpu", "0", "--name", evil, "--kernel", evil, "--append", evil))
        # a line's end within quotes is kept; the helper above takes it out behind a backslash
        flat = evil.replace("\\\n", " ")
        assert flat in argv, f"{what}: {argv}"
        if what == "qemu":
            assert "guest=" + flat.replace(",", ",,") in argv
    document = json.loads(emit("cloud-hypervisor:json", *HOSTS["8xh100"], "--gpu", "0", "--kernel", evil))
    assert document["payload"]["kernel"] == evil
    assert emit("qemu:readconfig", *HOSTS["8xh100"], "--gpu", "0", "--name", evil, expect=3) is None
    drive = words(emit("qemu", *HOSTS["8xh100"], "--gpu", "0", "--image", "nbd:a,b.qcow2"))
    assert "if=none,id=disk0,file=./nbd:a,,b.qcow2,format=qcow2" in drive, "a file's name is taken for a protocol"
    figures.append("hostile names quoted")


# -- libvirt --


def test_libvirt_schema(scratch):
    if not shutil.which("virt-xml-validate") or not shutil.which("xmllint"):
        return left_out.append("virt-xml-validate, which runs xmllint")
    count = 0
    for name, host in HOSTS.items():
        forms = [("domain", []), ("domain", DISK), ("domain", ["--kernel", "/k", "--append", "a < b"])]
        for form, more in forms + ([("nodedev", [])] if name == "mdev" else []):
            path = scratch / f"{name}.{form}.xml"
            path.write_text(emit(f"libvirt:{form}", *host, *more))
            ran = subprocess.run(["virt-xml-validate", path, form], capture_output=True, text=True)
            assert ran.returncode == 0, f"{name} {form} {more}: {ran.stdout}{ran.stderr}"
            count += 1
    figures.append(f"{count} documents valid to libvirt")


def with_users(scratch):
    """What runs a command where libvirt's driver finds the users that only a package which starts libvirt makes."""
    mounts = []
    for name, line in (("passwd", "libvirt-qemu:x:64055:64055::/:/bin/false"), ("group", "libvirt-qemu:x:64055:"),
                       ("group", "kvm:x:64056:")):
        copy = scratch / name
        text = copy.read_text() if copy.exists() else pathlib.Path("/etc", name).read_text()
        if f"{line.split(':')[0]}:" not in text:
            text += line + "\n"
        copy.write_text(text)
        mounts.append(f"mount --bind {copy} /etc/{name}")
    return ["unshare", "--mount", "sh", "-c", f"{' && '.join(mounts)} && exec \"$@\"", "sh"]


def libvirt_argv(scratch, domain):
    """libvirt's arguments for the domain, as it would run without KVM and huge pages, which are not here."""
    domain = re.sub(r"<memoryBacking>.*?</memoryBacking>", "", domain.replace('type="kvm"', 'type="qemu"', 1), flags=re.S)
    domain = re.sub(r'<cpu mode="host-passthrough">.*?</cpu>', '<cpu mode="maximum"/>', domain, flags=re.S)
    domain = re.sub(r"<numatune>.*?</numatune>", "", domain, flags=re.S)
    # by which driver it asks only of a host that has VFIO
    domain = re.sub(r'(<hostdev [^>]*type="pci"[^>]*>)', r'\1<driver name="vfio"/>', domain)
    path = scratch / "domain.xml"
    path.write_text(domain)
    ran = subprocess.run([*with_users(scratch), "virsh", "-c", f"qemu:///embed?root={scratch}/libvirt", "domxml-to-native",
                          "qemu-argv", path], capture_output=True, text=True, timeout=240)
    if "no connection driver" in ran.stderr or "unshare: " in ran.stderr:
        return None
    assert ran.returncode == 0, f"{ran.stderr}\n{domain}"
    return words(ran.stdout)


def sources(argv):
    """Which host devices a command line names, libvirt's in JSON or in its own words."""
    found = set()
    for option, word in zip(argv, argv[1:]):
        if option != "-device" or "vfio-pci" not in word:
            continue
        pairs = json.loads(word) if word.startswith("{") else dict(p.split("=", 1) for p in word.split(",")[1:])
        found.add((pairs.get("host") or pairs["sysfsdev"], pairs.get("x-nv-gpudirect-clique")))
    return {(where, None if clique is None else int(clique)) for where, clique in found}


def test_libvirt_arguments(scratch):
    if not shutil.which("virsh") or os.geteuid():
        return left_out.append("virsh as root")
    (scratch / "libvirt/etc").mkdir(parents=True)
    (scratch / "libvirt/etc/qemu.conf").write_text('user = "root"\ngroup = "root"\n')
    for name, host in HOSTS.items():
        boot = ["--kernel", "/k"]
        argv = libvirt_argv(scratch, emit("libvirt", *host, *boot))
        if argv is None:
            return left_out.append("libvirt's driver of QEMU")
        assert sources(argv) == sources(words(emit("qemu", *host, *boot))), name
        ports = [w for w in argv if "pcie-root-port" in w]
        assert len(ports) >= len(sources(argv)) or name == "workstation", ports
    figures.append(f"libvirt makes the devices of {len(HOSTS)} hosts of its XML")


def test_known_boards():
    """Of a host that is not built yet the window is what such boards need."""
    assert "pci-hole64-size,value=4T" in emit("qemu", "--assume", "gpu=10de:2901x8")
    assert "pcihole64" not in emit("libvirt", "--assume", "gpu=10de:1db4")
    emit("kvmtool", "--assume", "gpu=10de:26b9", "--kernel", "/k", expect=3)
    narrow = ["--assume", "gpu=10de:26b9x4", "--assume", "intent.guest_address_bits=38"]
    assert "do not fit into 38 address bits" in said("cloud-hypervisor", *narrow)


def said(what, *arguments):
    ran = subprocess.run([program, "emit", what, *arguments], cwd=source, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return ran.stderr


def test_who_makes_slices():
    """Who uses what others make says so; who makes it does not."""
    mdev, bare = HOSTS["mdev"][:4], ["--assume", "gpu=10de:26b9", "--assume", "vgpu-mode=vendor-vfio", "--share", "vgpu"]
    assert "has to be made" in said("qemu", *HOSTS["mdev"])
    for consumer in "nova", "proxmox":
        assert "has to be made" not in said(consumer, *mdev, "--share", "vgpu:nvidia-742")
    assert "set first" not in said("gpu-operator", *bare)
    emit("proxmox", *bare, expect=3)


def test_managed():
    yes = emit("libvirt:hostdev", *HOSTS["8xh100"], "--gpu", "0")
    assert 'managed="yes"' in yes
    vf = emit("libvirt:hostdev", *HOSTS["l40s"], "--to", "qemu-vgpu")
    assert 'managed="no"' in vf and 'managed="yes"' not in vf
    mdev = emit("libvirt:hostdev", *HOSTS["mdev"])
    assert 'type="mdev"' in mdev and "managed" not in mdev


def main():
    with tempfile.TemporaryDirectory() as scratch:
        for name, test in globals().copy().items():
            if name.startswith("test_"):
                test(pathlib.Path(scratch)) if test.__code__.co_argcount else test()
    print("figures: " + "; ".join(figures))
    if left_out:
        print("left out: " + ", ".join(left_out))


if __name__ == "__main__":
    main()
