#!/usr/bin/env python3
# Builds the root directory of a host from a facts file: sysfs of its PCI functions with config space that
# decodes to what the facts say, and the little of /proc, /etc and /sys/module that tells of its software. The same
# example thus serves as facts, as a root for tests, and as the benchmark's host of true size.
# make-8xh100.py DIRECTORY [FACTS] SPDX-License-Identifier: Apache-2.0
import json
import pathlib
import struct
import sys

EXAMPLE = pathlib.Path(__file__).resolve().parent.parent.parent / "examples/8xh100-sxm.facts.json"
PORT_TYPES = {"endpoint": 0, "legacy-endpoint": 1, "root-port": 4, "upstream": 5, "downstream": 6,
              "pcie-to-pci": 7, "pci-to-pcie": 8, "root-complex-endpoint": 9, "event-collector": 10}
SPEEDS = {"2.5": 1, "5.0": 2, "8.0": 3, "16.0": 4, "32.0": 5, "64.0": 6}
ACS = ["SV", "TB", "RR", "CR", "UF", "EC", "DT"]
BRIDGE = "bridge"


class Config:
    """Config space: a header, and two chains of capabilities that grow as they are added."""

    def __init__(self, extended):
        self.bytes = bytearray(4096 if extended else 256)
        self.at, self.link = 0x40, 0x34
        self.extended_at, self.extended_link = 0x100, None

    def put(self, at, form, *values):
        struct.pack_into("<" + form, self.bytes, at, *values)

    def capability(self, number, size):
        at, self.at = self.at, self.at + (size + 3) // 4 * 4
        self.put(self.link, "B", at)
        self.put(at, "BB", number, 0)
        self.link = at + 1
        status = self.bytes[6] | 0x10
        self.put(6, "B", status)
        return at

    def extended(self, number, size):
        at, self.extended_at = self.extended_at, self.extended_at + (size + 3) // 4 * 4
        if self.extended_link is not None:
            self.put(self.extended_link, "I", self.word(self.extended_link) | at << 20)
        self.put(at, "I", number | 1 << 16)
        self.extended_link = at
        return at

    def word(self, at):
        return struct.unpack_from("<I", self.bytes, at)[0]


def number(text, base=16):
    return int(text or "0", base)


def acs_bits(text):
    return sum(1 << ACS.index(name) for name in (text or "none").split("+") if name in ACS)


def link_register(speed, width):
    return SPEEDS.get((speed or "").split(" ")[0], 0) | (width or 0) << 4


def bar_register(bar):
    if bar["io"]:
        return bar["start_address"] & 0xFFFFFFFC | 1
    return bar["start_address"] & 0xFFFFFFF0 | (8 if bar["prefetchable"] else 0) | (4 if bar["bits64"] else 0)


def put_bars(config, at, bars):
    for bar in bars:
        config.put(at + 4 * bar["bar"], "I", bar_register(bar))
        if bar["bits64"]:
            config.put(at + 4 * bar["bar"] + 4, "I", bar["start_address"] >> 32)


def put_header(config, f, bars, buses):
    code = number(f["class"])
    config.put(0, "HHHH", number(f["vendor"]), number(f["device"]), 0x6, 0)
    config.put(8, "BBBB", number(f.get("revision")), code & 0xFF, code >> 8 & 0xFF, code >> 16)
    bridge = f["header_type"] == BRIDGE
    config.put(0xE, "B", bridge | (0x80 if f["multifunction"] else 0))
    config.put(0x3D, "B", "none A B C D".split().index(f["interrupt_pin"]))
    if bridge:
        config.put(0x18, "BBB", *buses)
    else:
        config.put(0x2C, "HH", number(f.get("subsystem_vendor")), number(f.get("subsystem_device")))
        put_bars(config, 0x10, [bar for bar in bars if bar["kind"] == "bar"])


def put_express(config, f):
    at = config.capability(0x10, 60)
    config.put(at + 2, "HI", 2 | PORT_TYPES[f["port_type"]] << 4, 1 << 28 if f["flr"] else 0)
    config.put(at + 12, "I", link_register(f.get("link_speed_max"), f.get("link_width_max")))
    config.put(at + 18, "H", link_register(f.get("link_speed"), f.get("link_width")))
    config.put(at + 36, "I", (1 << 5 if f.get("ari_forwarding_capable") else 0) | (1 << 6 if f.get("atomic_routing") else 0))
    config.put(at + 40, "H", 1 << 5 if f.get("ari_forwarding") else 0)


def put_sriov(config, f, bars):
    at = config.extended(0x10, 64)
    config.put(at + 12, "HHH", f["sriov_totalvfs"], f["sriov_totalvfs"], f["sriov_numvfs"])
    config.put(at + 20, "HHHH", 2, 1, 0, number(f["sriov_vf_device"]))
    put_bars(config, at + 36, [bar for bar in bars if bar["kind"] == "vf-bar"])


def put_capabilities(config, f):
    if f.get("power_state"):
        config.capability(0x01, 8)
    if f["msi_vectors"]:
        config.put(config.capability(0x05, 24) + 2, "H", (f["msi_vectors"].bit_length() - 1) << 1 | 0x80)
    if f["msix_vectors"]:
        config.put(config.capability(0x11, 12) + 2, "H", f["msix_vectors"] - 1)
    if f["port_type"] in PORT_TYPES:
        put_express(config, f)
    elif f["flr"]:
        config.put(config.capability(0x13, 6) + 2, "BB", 6, 3)


def put_extended(config, f, bars):
    for name, identifier, size in (("serial_capability", 0x03, 12), ("ari", 0x0E, 8), ("ats", 0x0F, 8),
                                   ("pasid", 0x1B, 8), ("resizable_bar", 0x15, 12)):
        if f.get(name):
            at = config.extended(identifier, size)
            if name == "resizable_bar":
                config.put(at + 8, "I", 1 << 5)  # one BAR, number 0
    if f["acs_capable"] != "none":
        config.put(config.extended(0x0D, 8) + 4, "HH", acs_bits(f["acs_capable"]), acs_bits(f["acs_enabled"]))
    if f.get("sriov_totalvfs"):
        put_sriov(config, f, bars)


def config_space(f, bars, buses):
    express = f["port_type"] in PORT_TYPES
    config = Config(express)
    put_header(config, f, bars, buses)
    put_capabilities(config, f)
    if express:
        put_extended(config, f, bars)
    return bytes(config.bytes)


def flags(bar):
    if bar["io"]:
        return 0x40101
    return 0x40200 | (0x2008 if bar["prefetchable"] else 0) | (0x100004 if bar["bits64"] else 0)


def resource(f, bars):
    """As the kernel prints it: BARs, ROM, VF BARs, and of bridges the windows behind them."""
    lines = ["0x%016x 0x%016x 0x%016x" % (0, 0, 0)] * (17 if f["header_type"] == BRIDGE else 13)
    first = {"bar": 0, "rom": 6, "vf-bar": 7, "window": 13}
    for bar in bars:
        if bar.get("size_bytes"):
            end = bar["start_address"] + bar["size_bytes"] - 1
            lines[first[bar["kind"]] + bar["bar"]] = "0x%016x 0x%016x 0x%016x" % (bar["start_address"], end, flags(bar))
    return "\n".join(lines)


def modalias(f):
    return "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X" % (
        number(f["vendor"]), number(f["device"]), number(f.get("subsystem_vendor")), number(f.get("subsystem_device")),
        number(f["class"][:2]), number(f["class"][2:4]), number(f["class"][4:]))


def attributes(f, bars):
    def hexadecimal(name, digits):
        return "0x" + (f.get(name) or "0" * digits)

    files = {
        "vendor": hexadecimal("vendor", 4), "device": hexadecimal("device", 4), "class": hexadecimal("class", 6),
        "subsystem_vendor": hexadecimal("subsystem_vendor", 4),
        "subsystem_device": hexadecimal("subsystem_device", 4), "revision": hexadecimal("revision", 2),
        "modalias": modalias(f), "resource": resource(f, bars), "numa_node": f.get("numa_node", -1),
        "enable": int(f["driver"] != "none"), "driver_override": "(null)", "d3cold_allowed": 1, "irq": 0,
        "power_state": f.get("power_state") or "unknown", "power/runtime_status": "active", "power/control": "on",
        "msi_bus": 1, "ari_enabled": 0, "broken_parity_status": 0, "dma_mask_bits": 64,
    }
    if f["port_type"] in PORT_TYPES:
        files.update({
            "max_link_speed": f.get("link_speed_max") or "Unknown", "max_link_width": f.get("link_width_max") or 255,
            "current_link_speed": f.get("link_speed") or "Unknown", "current_link_width": f.get("link_width") or 0})
    if f.get("sriov_totalvfs"):
        files.update({name: f[name] for name in ("sriov_totalvfs", "sriov_numvfs", "sriov_vf_device")})
        files["sriov_drivers_autoprobe"] = 1
    return files


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else f"{content}\n".encode())


def link(path, target):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def place(functions, address):
    parent = functions[address]["parent"]
    above = place(functions, parent) if parent != "none" else "devices/pci" + address[:7]
    return f"{above}/{address}"


def bus_numbers(functions, address):
    """Primary, secondary and subordinate bus of a bridge, from what lies below it."""
    below = [other for other, f in functions.items() if f["parent"] == address]
    buses = [number(other[5:7]) for other in below]
    last = max([bus_numbers(functions, other)[2] for other in below] + buses, default=number(address[5:7]))
    return number(address[5:7]), buses[0] if buses else 0, last


def make_function(sys_root, functions, f, bars):
    directory = place(functions, f["address"])
    up = "../" * (directory.count("/") + 1)
    for name, value in attributes(f, bars).items():
        write(sys_root / directory / name, value)
    write(sys_root / directory / "config", config_space(f, bars, bus_numbers(functions, f["address"])))
    if f["driver"] != "none":
        link(sys_root / directory / "driver", f"{up}bus/pci/drivers/{f['driver']}")
    link(sys_root / "bus/pci/devices" / f["address"], f"../../../{directory}")


def make_pci(sys_root, facts):
    functions = {f["address"]: f for f in facts["pci_function"]}
    bars = {}
    for bar in facts["pci_bar"]:
        bars.setdefault(bar["address"], []).append(bar)
    for f in functions.values():
        make_function(sys_root, functions, f, bars.get(f["address"], []))


def make_software(root, facts):
    machine, kernel, nvidia = facts["machine"], facts["kernel"], facts["nvidia_driver"]
    write(root / "etc/os-release", f'ID={machine["distribution"]}\nVERSION_ID="{machine["distribution_version"]}"\n'
          f'PRETTY_NAME="{machine["distribution_name"]}"')
    write(root / "proc/cmdline", kernel["cmdline"])
    write(root / "proc/sys/kernel/osrelease", kernel["release"])
    for module in facts["module"]:
        if module["state"] == "loaded":
            write(root / "sys/module" / module["module"] / "initstate", "live")
            if "version" in module:
                write(root / "sys/module" / module["module"] / "version", module["version"])
    write(root / "proc/driver/nvidia/version",
          f"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {nvidia['loaded_version']}  Release Build")
    for empty in ("sys/kernel/iommu_groups", "sys/class/iommu", "sys/class/mdev_bus", "sys/bus/mdev/devices"):
        (root / empty).mkdir(parents=True, exist_ok=True)


def main():
    root = pathlib.Path(sys.argv[1])
    facts = json.loads(pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else EXAMPLE).read_text(encoding="utf-8"))["facts"]
    make_pci(root / "sys", facts)
    make_software(root, facts)
    print(f"{root}: {len(facts['pci_function'])} functions")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: make-8xh100.py DIRECTORY [FACTS]")
    main()
