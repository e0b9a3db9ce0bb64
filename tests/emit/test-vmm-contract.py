#!/usr/bin/env python3
"""What `emit vmm-contract` says of boards that ask most of a VMM: each expectation with why, source and
date, the same as JSON and as text. SPDX-License-Identifier: Apache-2.0"""
import json
import pathlib
import subprocess
import sys

program, source = str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(sys.argv[2])

# A host, and what must be expected of a VMM there.
HOSTS = {
    "--assume gpu=10de:2330": {"root-port": "advised", "msix": "9", "reset": "function-level reset", "uuid": "none"},
    "--assume gpu=10de:2901": {"root-port": "required"},
    "--assume gpu=10de:2941": {"identity-bars": "required", "ats": "required", "host-driver": "nvgrace_gpu_vfio_pci"},
    "--assume gpu=1002:74a1": {"root-port": "advised", "p2p-clique": "none", "atomics": "routed to the root port"},
    "--facts tests/emit/l40s-vendor-vfio/host.facts.json --to qemu-vgpu":
        {"uuid": "required", "intx": "none", "host-driver": "nvidia, on the VF (vendor-VFIO)"},
}


def emit(form, host):
    ran = subprocess.run([program, "emit", f"vmm-contract:{form}", *host.split()], cwd=source, capture_output=True, text=True,
                         timeout=60)
    assert ran.returncode == 0, f"{host}: {ran.returncode}: {ran.stderr}"
    return ran.stdout


def check(host, wanted):
    document = json.loads(emit("json", host))
    assert document["schema"] == "happypath.vmm-contract/1"
    text = emit("text", host)
    for device in document["devices"]:
        items = {row["item"]: row for row in device["expects"]}
        for item, value in wanted.items():
            assert items[item]["value"] == value, f"{host}: {item}: {items[item]}"
        for item, row in items.items():
            assert "here" in row or all(row.get(key) for key in ("value", "why", "source", "checked")), f"{host}: {row}"
            assert f"  {item}: " in text, f"{host}: {item} is not in the text"
        assert all(bar["source"] for bar in device["bars"])
    return document


documents = {host: check(host, wanted) for host, wanted in HOSTS.items()}
h100 = documents["--assume gpu=10de:2330"]
assert h100["window_bytes"] == 256 << 30, h100["window_bytes"]  # 128 GiB, 32 MiB and 16 MiB, to a power of two
assert [bar["size_bytes"] for bar in h100["devices"][0]["bars"]] == [16 << 20, 128 << 30, 32 << 20]
identity = {host for host, document in documents.items() for row in document["devices"][0]["expects"]
            if row["item"] == "identity-bars"}
assert identity == {"--assume gpu=10de:2941"}, identity
print(f"vmm-contract: {len(HOSTS)} boards")
