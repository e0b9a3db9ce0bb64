#!/usr/bin/env python3
# What `happypath topology` draws: every function once, the rule's word on peers, a picture that can be read.
# `test-topology.py HAPPYPATH SOURCE_ROOT`. SPDX-License-Identifier: Apache-2.0
import csv
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

PROGRAM, ROOT = sys.argv[1], pathlib.Path(sys.argv[2])
EXAMPLE = ROOT / "examples/8xh100-sxm.facts.json"
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '<script>alert("1")</script>&\'"\\N\\G</TABLE>>]; evil'


def run(*words, expect=0, **environment):
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True,
                          env={**os.environ, "NO_COLOR": "1", **environment})
    assert done.returncode == expect, f"{words}: exit {done.returncode}, expected {expect}\n{done.stderr}"
    return done


def rows(*words):
    return list(csv.DictReader(io.StringIO(run("topology", *words, "-o", "csv").stdout)))


def function(address, parent="none", **more):
    return {"address": address, "parent": parent, "physical_function": "none", **more}


def bridge(address, parent, port_type, acs):
    return function(address, parent, vendor="104c", device="8232", **{"class": "060400"}, header_type="bridge",
                    port_type=port_type, acs_capable=acs, acs_enabled=acs, driver="pcieport", numa_node=0)


def h100(address, parent, **more):
    return function(address, parent, vendor="10de", device="2330", **{"class": "030200"}, header_type="endpoint",
                    port_type="endpoint", numa_node=0, **{"driver": "nvidia", **more})


def small_host():
    """Two GPUs below a switch without ACS, one with VFs below a root port with it, a NIC of two ports, a chipset."""
    redirects = "SV+RR+CR+UF"
    functions = [
        bridge("0000:10:00.0", "none", "root-port", redirects),
        bridge("0000:11:00.0", "0000:10:00.0", "upstream", "none"),
        bridge("0000:12:00.0", "0000:11:00.0", "downstream", "none"),
        bridge("0000:12:01.0", "0000:11:00.0", "downstream", "none"),
        h100("0000:13:00.0", "0000:12:00.0", iommu_group="7", link_speed="16.0 GT/s PCIe", link_width=8,
             link_speed_max="32.0 GT/s PCIe", link_width_max=16),
        h100("0000:14:00.0", "0000:12:01.0", iommu_group="8", driver=HOSTILE),
        bridge("0000:20:00.0", "none", "root-port", redirects),
        h100("0000:21:00.0", "0000:20:00.0", iommu_group="20", sriov_totalvfs=16, sriov_numvfs=4),
        *[function(f"0000:21:00.{n}", "0000:20:00.0", vendor="10de", device="2330", **{"class": "030200"},
                   driver="nvidia", iommu_group=str(20 + n), numa_node=0) | {"physical_function": "0000:21:00.0"}
          for n in range(4, 8)],
        bridge("0000:20:01.0", "none", "root-port", redirects),
        *[function(f"0000:22:00.{n}", "0000:20:01.0", vendor="15b3", device="1021", **{"class": "020000"},
                   driver="mlx5_core", iommu_group="30", numa_node=0) for n in range(2)],
        *[function(f"0000:00:{n:02x}.0", vendor="8086", device="09a2", **{"class": "088000"}, driver="none",
                   iommu_group=str(40 + n), numa_node=0) for n in range(20)],
    ]
    return {"schema": "happypath.facts/1", "host": HOSTILE, "facts": {
        "iommu": {"state": "on"}, "pci_function": functions}}


def write(folder, facts, name="host.json"):
    path = pathlib.Path(folder) / name
    path.write_text(json.dumps(facts))
    return path


GOLDEN = [
    # depth kind address count iommu_group link link_max acs peers
    "0 numa-node - 1 - - - - -",
    "1 root-bus 0000:10 1 - - - - -",
    "2 root-port 0000:10:00.0 1 - - - SV+RR+CR+UF -",
    "3 switch 0000:11:00.0 1 - - - none -",
    "4 port 0000:12:00.0 1 - - - none -",
    "5 accelerator 0000:13:00.0 1 7 16.0_GT/s_x8 32.0_GT/s_x16 - bypass",
    "4 port 0000:12:01.0 1 - - - none -",
    "5 accelerator 0000:14:00.0 1 8 - - - bypass",
    "1 root-bus 0000:20 1 - - - - -",
    "2 root-port 0000:20:00.0 1 - - - SV+RR+CR+UF -",
    "3 accelerator 0000:21:00.0 1 20 - - - redirected",
    "4 vf 0000:21:00.4 4 24-27 - - - redirected",
    "2 root-port 0000:20:01.0 1 - - - SV+RR+CR+UF -",
    "3 nic 0000:22:00.0 2 30 - - - redirected",
    "1 folded - 20 - - - - -",
]


def test_rows(folder):
    host = write(folder, small_host())
    found = [" ".join((row[c] or "-").replace(" ", "_") for c in
                      ("depth", "kind", "address", "count", "iommu_group", "link", "link_max", "acs", "peers"))
             for row in rows("--facts", host)]
    assert found == GOLDEN, "\n".join(found)
    whole = rows("--facts", host, "--all")
    functions = {f["address"] for f in small_host()["facts"]["pci_function"]}
    assert {r["address"] for r in whole if r["address"].count(":") == 2} == functions
    assert all(r["count"] == "1" for r in whole)
    document = json.loads(run("topology", "--facts", host, "-o", "json").stdout)
    assert document["schema"] == "happypath.topology/1" and len(document["rows"]) == len(GOLDEN)
    assert document["rows"][5]["depth"] == 5 and document["rows"][5]["parent"] == "0000:12:00.0"


def test_text(folder):
    text = run("topology", "--facts", write(folder, small_host())).stdout
    assert "│     │ └─0000:13:00.0 NVIDIA H100" in text and "4 VFs [10de:2330]" in text, text
    assert "2 × NVIDIA Mellanox Ethernet [15b3:1021]" in text and "and 20 other functions" in text
    assert text.count("peers bypass the IOMMU") == 2 and "\033" not in text
    assert "16.0 GT/s x8 of 32.0 GT/s x16" in text


def trees(most):
    """The example, and hosts of tickets that tell of bridges."""
    found = [EXAMPLE]
    for file in [*sorted((ROOT / "tests/incidents").glob("*.json")), *sorted((ROOT / "tests/good").glob("*.json"))]:
        functions = json.loads(file.read_text()).get("facts", {}).get("pci_function", [])
        if any(f.get("parent", "none") != "none" for f in functions):
            found.append(file)
    return found[:most]


def test_agrees_with_judge(folder):
    """Each function stands in one row, the best offer is one of check's, and peers bypass where the rule says so."""
    hosts = [write(folder, small_host()), *trees(12)]
    compared = bypassing = 0
    for file in hosts:
        verdict = json.loads(run("check", "--facts", file, "-o", "json").stdout)["hosts"][0]
        tree = rows("--facts", file)
        functions = json.loads(file.read_text())["facts"]["pci_function"]
        counted = sum(int(r["count"]) for r in tree if r["kind"] not in ("numa-node", "root-bus"))
        assert counted == len(functions), (file.name, counted, len(functions))
        shown = {r["address"]: r for r in tree if r["kind"] == "accelerator"}
        for accelerator in verdict["accelerators"]:
            if not accelerator["offers"]:
                continue
            row = shown[accelerator["address"]]
            offers = {(o["surface"], o["share"], o["path"], o["readiness"], o["distance"]) for o in accelerator["offers"]}
            assert tuple(row[c] for c in ("surface", "share", "path", "readiness", "distance")) in offers, file.name
            fails = any(f["rule"] == "peer-bypasses-iommu" and f["result"] == "fail" for o in accelerator["offers"]
                        for f in o["findings"])
            compared += 1
            bypassing += fails
            assert (row["peers"] == "bypass") == fails, (file.name, row)
    assert len(hosts) >= 3 and compared > 10 and bypassing >= 2, (len(hosts), compared, bypassing)
    print(f"figures: {len(hosts)} hosts; {compared} accelerators compared with peer-bypasses-iommu, {bypassing} bypass")


def test_best_offer():
    """What is in use comes first, else what is on the path and nearest."""
    for words, expected in [
        (("--facts", EXAMPLE), ("container", "whole", "on", "ready")),
        (("--assume", "gpu=10de:2330", "--assume", "intent.surface=firecracker"), ("firecracker", "whole", "off", None)),
    ]:
        row = next(r for r in rows(*words) if r["kind"] == "accelerator")
        found = tuple(row[c] for c in ("surface", "share", "path", "readiness"))
        assert found[:3] == expected[:3] and expected[3] in (None, found[3]), found


def boxes_of(svg):
    """What each box of the picture covers, in points."""
    boxes = {}
    for group in svg.iter(f"{SVG}g"):
        if group.get("class") != "node":
            continue
        shapes = [s.get("points") or s.get("d") for s in group if s.tag in (f"{SVG}polygon", f"{SVG}path")]
        points = [tuple(map(float, p)) for s in shapes for p in re.findall(r"(-?[\d.]+),(-?[\d.]+)", s)]
        xs, ys = zip(*points)
        boxes[group.find(f"{SVG}title").text] = (min(xs), min(ys), max(xs), max(ys))
        for text in group.iter(f"{SVG}text"):
            assert float(text.get("font-size")) >= 10, "too small to read"
            assert min(xs) <= float(text.get("x")) <= max(xs) and min(ys) <= float(text.get("y")) <= max(ys)
    return boxes


def overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def test_picture(folder):
    done = subprocess.run([PROGRAM, "topology", "--facts", str(EXAMPLE), "-o", "svg"], capture_output=True, text=True)
    if done.returncode and "without Graphviz" in done.stderr or "cannot be opened" in done.stderr:
        assert "-o dot does not" in done.stderr, done.stderr
        print("figures: no Graphviz here, no picture looked at")
        return
    assert done.returncode == 0, done.stderr
    svg = ElementTree.fromstring(done.stdout)
    assert float(svg.get("width").removesuffix("pt")) * 4 / 3 <= 1600, svg.get("width")
    boxes = boxes_of(svg)
    texts = [t.text for t in svg.iter(f"{SVG}text")]
    gpus = sum("NVIDIA H100" in t for t in texts)
    nics = sum(int(t.split()[0]) if t[0].isdigit() else 1 for t in texts if "Ethernet" in t)
    assert gpus == 8 and nics >= 12, (gpus, nics)
    pairs = [(a, b) for a in boxes for b in boxes if a < b and overlap(boxes[a], boxes[b])]
    assert len(boxes) > 40 and not pairs, pairs
    for word in ("on the path, ready", "off the path, or unreachable", "NUMA node 0", "NUMA node 1"):
        assert any(word in t for t in texts), word
    hostile = run("topology", "--facts", write(folder, small_host()), "-o", "svg").stdout
    svg = ElementTree.fromstring(hostile)
    assert not list(svg.iter(f"{SVG}script")) and "<script" not in hostile.lower()
    texts = [t.text.replace("\u00a0", " ") for t in svg.iter(f"{SVG}text")]
    assert any(t.startswith(HOSTILE) for t in texts), texts
    assert sum("below the IOMMU" in t for t in texts) == 2 and any("4 VFs" in t for t in texts)
    print(f"figures: {len(boxes)} boxes, none over another")


def test_dot(folder):
    dot = run("topology", "--facts", write(folder, small_host()), "-o", "dot").stdout
    assert dot.startswith("digraph topology {") and "<script" not in dot and "&lt;script&gt;" in dot
    try:
        plain = subprocess.run(["dot", "-Tplain"], input=dot, capture_output=True, text=True)
    except FileNotFoundError:
        return
    assert plain.returncode == 0 and not plain.stderr, plain.stderr
    edges = [line.split()[1:3] for line in plain.stdout.splitlines() if line.startswith("edge")]
    assert len(edges) == 5, edges


def test_odd_trees(folder):
    """A circle of bridges, a chain without end, a parent that is not there: every function stands once all the same."""
    chain = [bridge(f"0000:{n:02x}:00.0", f"0000:{n + 1:02x}:00.0" if n < 255 else "none", "downstream", "none")
             for n in range(256)]
    for name, functions in [
        ("circle", [bridge("0000:01:00.0", "0000:02:00.0", None, None), bridge("0000:02:00.0", "0000:01:00.0", None, None)]),
        ("self", [h100("0000:01:00.0", "0000:01:00.0")]),
        ("orphan", [h100("0000:01:00.0", "0000:99:00.0")]),
        ("chain", chain),
    ]:
        facts = {"schema": "happypath.facts/1", "host": name, "facts": {"pci_function": functions}}
        tree = rows("--facts", write(folder, facts, "odd.json"), "--all")
        found = [r["address"] for r in tree if r["kind"] not in ("numa-node", "root-bus")]
        assert sorted(found) == sorted(f["address"] for f in functions), name
        assert all(r["peers"] != "redirected" for r in tree) or name == "chain", name


def test_usage():
    assert "svg" in run("topology", "--help").stdout
    assert "expected one of table wide" in run("topology", "-o", "png", expect=2).stderr
    assert "-o svg draws one host" in run("topology", "--facts", EXAMPLE, "--facts", EXAMPLE, "-o", "svg", expect=2).stderr
    assert "expected table, wide, json, yaml or csv" in run("check", "-o", "svg", expect=2).stderr
    empty = run("topology", "--assume", "iommu=on").stdout
    assert "PCI was not seen" in empty, empty


def main():
    with tempfile.TemporaryDirectory() as folder:
        test_rows(folder)
        test_text(folder)
        test_picture(folder)
        test_dot(folder)
        test_odd_trees(folder)
        test_agrees_with_judge(folder)
    test_best_offer()
    test_usage()


if __name__ == "__main__":
    main()
