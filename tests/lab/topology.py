# The virtual hosts by name: what hangs where on their PCI Express trees, as words for QEMU.
# SPDX-License-Identifier: Apache-2.0
#
# Root ports have ACS, the ports of the switch that QEMU offers (TI's) have none: what is below one switch shares a
# group with its port, and a kernel may put neighbours into groups of their own though they reach each other.


class Tree:
    """Collects the words for one tree; numbers chassis and names ports."""

    def __init__(self):
        self.words, self.chassis = [], 0

    def device(self, text):
        self.words += ["-device", text]

    def host_bridge(self, node, bus_number):
        self.device(f"pxb-pcie,id=host{bus_number},bus_nr={bus_number},numa_node={node},bus=pcie.0")
        return f"host{bus_number}"

    def port(self, bus="pcie.0", more=""):
        self.chassis += 1
        self.device(f"pcie-root-port,id=port{self.chassis},bus={bus},chassis={self.chassis},slot={self.chassis}{more}")
        return f"port{self.chassis}"

    def switch(self, bus, devices):
        """A switch without ACS below a root port, with one device on each of its ports."""
        up = self.port(bus)
        self.device(f"x3130-upstream,id=up-{up},bus={up}")
        for number, device in enumerate(devices):
            self.chassis += 1
            self.device(f"xio3130-downstream,id=down{self.chassis},bus=up-{up},chassis={self.chassis},slot={number}")
            self.device(f"{device},bus=down{self.chassis}")

    def multifunction(self, bus, devices):
        """One slot with several functions, none of which has ACS."""
        for number, device in enumerate(devices):
            self.device(f"{device},bus={bus},addr=0.{number},multifunction=on")


def hgx(tree):
    """Eight H100 in pairs below switches, four to a socket, and the four NVSwitches of their baseboard."""
    for node, bus in ((0, 0x10), (0, 0x30), (1, 0x80), (1, 0xA0)):
        tree.switch(tree.host_bridge(node, bus), ["h100", "h100"])
    tree.switch(tree.host_bridge(1, 0xC0), ["nvswitch"] * 4)


def two_vendors(tree):
    """Two H100 below a switch without ACS, and two MI300X below ports of their own."""
    tree.switch(tree.host_bridge(0, 0x40), ["h100", "h100"])
    other = tree.host_bridge(1, 0x80)
    for _ in range(2):
        tree.device(f"mi300x,bus={tree.port(other)}")


def one(tree):
    """An H100 and nothing else: captures of it are quick."""
    tree.device(f"h100,bus={tree.port()}")


def siblings(tree):
    """Groups with others in them: a board with its sound, one beside a disk's controller, one behind a conventional
    bridge; and an H100 alone."""
    tree.multifunction(tree.port(), ["rtx3090", "rtx3090-audio"])
    tree.words += ["-blockdev", "driver=null-co,node-name=nothing,size=1048576,read-zeroes=on"]
    tree.multifunction(tree.port(), ["v100", "virtio-blk-pci,drive=nothing,disable-legacy=on"])
    tree.device(f"pcie-pci-bridge,id=conventional,bus={tree.port()}")
    tree.device("ati-vga,model=rage128p,bus=conventional,addr=1")
    tree.device("edu,bus=conventional,addr=2")
    tree.device(f"h100,bus={tree.port()}")


def vgpu(tree):
    """An L40S with VFs, and a V100, which has none and carries vGPUs itself."""
    tree.device(f"l40s,bus={tree.port()}")
    tree.device(f"v100,bus={tree.port()}")


def owned(tree):
    """Two H100 and a V100, each alone: enough for every tool that owns devices to have one."""
    for gpu in ("h100", "h100", "v100"):
        tree.device(f"{gpu},bus={tree.port()}")


def handover(tree):
    """One of each way to hand a device over: two H100 below a switch, a board with its sound, an L40S with VFs, a V100
    that carries mediated devices itself, an MI300X."""
    tree.switch("pcie.0", ["h100", "h100"])
    tree.multifunction(tree.port(), ["rtx3090", "rtx3090-audio"])
    for device in ("l40s", "v100", "mi300x"):
        tree.device(f"{device},bus={tree.port()}")


def mixed(tree):
    """No accelerators: a port with ACS and a device with VFs below it, a conventional bridge with two devices, a slot
    with two functions without ACS, a switch without ACS, a second host bridge on node 1."""
    ports = [tree.port(more=f",addr=2.{n}" + (",multifunction=on" if n == 0 else "")) for n in range(4)]
    tree.device("nvme-subsys,id=subsystem")
    tree.device(f"nvme,bus={ports[0]},serial=lab,subsys=subsystem,sriov_max_vfs=4,sriov_vq_flexible=8,"
                "sriov_vi_flexible=4,max_ioqpairs=12,msix_qsize=9")
    tree.device(f"e1000e,bus={ports[1]}")
    tree.device(f"pcie-pci-bridge,id=conventional,bus={ports[2]}")
    tree.device("edu,bus=conventional,addr=1")
    tree.device("ati-vga,model=rage128p,bus=conventional,addr=2")
    tree.multifunction(ports[3], ["pci-testdev", "virtio-gpu-pci"])
    tree.switch("pcie.0", ["edu", "e1000e"])
    tree.device(f"bochs-display,bus={tree.port(tree.host_bridge(1, 0x80))}")


TOPOLOGIES = {
    "8xh100": hgx,
    "h100-mi300x": two_vendors,
    "one": one,
    "siblings": siblings,
    "vgpu": vgpu,
    "owned": owned,
    "handover": handover,
    "mixed": mixed,
}


def words(name):
    tree = Tree()
    TOPOLOGIES[name](tree)
    return tree.words
