# Guests to which QEMU presents an H100 wrongly, each in one way: happypath, run inside, names what is wrong.
# SPDX-License-Identifier: Apache-2.0
import base64
import gzip
import json

from machine import QEMU

PORT = ["-device", "pcie-root-port,id=port1,bus=pcie.0,chassis=1,slot=1"]


def guest(device, *more, bits=46):
    return [QEMU, "-accel", "tcg,thread=multi", "-M", "q35", "-cpu", f"max,phys-bits={bits}", "-m", "512", "-nodefaults",
            "-no-user-config", "-vga", "none", "-display", "none", "-no-reboot", *more, "-device", device]


def small_window():
    """qboot places no BARs, and the window that QEMU tells the kernel of is smaller than the largest."""
    return ["-bios", "/usr/share/qemu/qboot.rom", "-global", "q35-pcihost.pci-hole64-size=16G"]


# What each guest is, and what of the guest's view must fail there: rule, words of its evidence. Nothing else may.
GUESTS = {
    "good": (guest("h100-guest,bus=port1", *PORT), {}),
    "root-complex": (guest("h100-guest,bus=pcie.0"), {"guest-endpoint": "root-complex-endpoint"}),
    "small-window": (guest("h100-guest,bus=port1", *PORT, *small_window()),
                     {"guest-bars-assigned": "BAR 2 (128 GiB), BAR 4 (32 MiB), largest window of the host bridges above 4 GiB: 16 GiB"}),
    "few-bits": (guest("h100-guest,bus=port1", *PORT, bits=36),
                 {"guest-bars-assigned": "above 4 GiB: none, address bits 36",
                  "guest-address-width": "largest BAR 128 GiB, address bits 36 (64 GiB)"}),
    "no-msix": (guest("h100-guest-without-msix,bus=port1", *PORT),
                {"guest-interrupts": "MSI-X vectors 0, MSI 0, INTx pin none", "guest-msix": "on a board of its model 9"}),
}
RULES = {rule for _, wanted in GUESTS.values() for rule in wanted}
# A verdict is long, and an emulated serial port slow.
STEPS = "happypath check --all -o json | gzip | base64; echo LAB-TEXT"
IN_TEXT = "; NO_COLOR=1 happypath check"


def guests_view(accelerator):
    findings = [finding for offer in accelerator["offers"] for finding in offer["findings"]]
    return {f["rule"]: f for f in findings if f["rule"].startswith("guest-")}


class GuestView:
    name = "guest-view"
    summary = "In a guest check names what is wrong with the way that its VMM presents the accelerator, and nothing on a good one."

    def __call__(self, lab):
        faults = sum(self.look(lab, name, words, wanted) for name, (words, wanted) in GUESTS.items())
        return f"{len(GUESTS)} guests, {faults} faults named"

    def look(self, lab, name, words, wanted):
        """Boots one guest. Returns whether a fault was wanted, and so named."""
        document, text = self.check(lab, f"guest-view-{name}", words, STEPS + IN_TEXT * (name in ("good", "root-complex")))
        [host] = document["hosts"]
        [accelerator] = host["accelerators"]
        seen = guests_view(accelerator)
        assert seen.keys() >= RULES, f"{name}: not asked: {sorted(RULES - seen.keys())}"
        failing = {rule for rule, finding in seen.items() if finding["result"] == "fail"}
        assert failing == set(wanted), f"{name}: {sorted(failing)} instead of {sorted(wanted)}"
        unknown = [rule for rule, finding in seen.items() if finding["result"] == "unknown"]
        assert not unknown, f"{name}: unknown: {unknown}"
        for rule, words_of in wanted.items():
            assert words_of in seen[rule]["evidence"], f"{name}: {seen[rule]['evidence']}"
        heading = "As this guest of qemu-tcg (QEMU Standard PC (Q35 + ICH9, 2009)) sees it"
        assert not text or heading + ("" if wanted else ": as it should") in text, f"{name}: {text[-2000:]}"
        return bool(wanted)

    def check(self, lab, name, words, steps):
        folder = lab.folder / name
        folder.mkdir(exist_ok=True)
        initrd = folder / "root.cpio"
        initrd.write_bytes(lab.root([], steps, {}))
        try:
            output = lab.finish(name, lab.start(name, [*words, *lab.kernel_words("none", "", initrd)]), 240)
        finally:
            initrd.unlink()
        packed, _, text = output.partition("LAB-TEXT\n")
        return json.loads(gzip.decompress(base64.b64decode(packed))), text
