#!/usr/bin/env python3
"""Every format of hosts as strangers may describe them. SPDX-License-Identifier: Apache-2.0

A facts file comes from a ticket: its names may be commands, its numbers absurd, its tree a ring, and most
of it may be missing. Each host here breaks one thing, and all formats have to say something that their
readers can read, or to refuse it, within seconds.
"""
import copy
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
import xml.dom.minidom

try:
    import yaml
except ImportError:
    yaml = None

HAPPYPATH, SOURCE = str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(sys.argv[2])
NASTY = ["'; touch pwned; '", "$(touch pwned)", "`touch pwned`", "--help", 'a"b', "</script>", "]]>", "no", "~", "a: b",
         "%s%n", "a,b", "a\nb = c", "\u202e", "x" * 3000]
HUGE = 2 ** 62
WORDS = ["--name", "a'; touch pwned; '\nb\" = c", "--image", "a,b=$(touch pwned).qcow2", "--kernel", "-k,l", "--append", "a 'b' \"c\""]


def good():
    """Two boards of the example, with all that is above them."""
    host = json.loads((SOURCE / "examples/8xh100-sxm.facts.json").read_text())
    facts, keep = host["facts"], set()
    parents = {row["address"]: row["parent"] for row in facts["pci_function"]}
    boards = [row["address"] for row in facts["nvidia_gpu"]][:2]
    for at in boards:
        while at in parents:
            keep.add(at)
            at = parents[at]
    for table in ("pci_function", "pci_bar", "nvidia_gpu"):
        facts[table] = [row for row in facts[table] if row["address"] in keep]
    host["observed"] = {}
    return host, boards


def rows(host):
    for table in host["facts"].values():
        yield from table if isinstance(table, list) else [table]


def renamed(host, change):
    text = json.dumps(host)
    for row in host["facts"]["pci_function"]:
        text = text.replace(f'"{row["address"]}"', f'"{change(row["address"])}"')
    return json.loads(text)


def nasty_words(host, boards):
    for number, row in enumerate(rows(host)):
        for key, value in row.items():
            if isinstance(value, str) and key not in ("address", "parent", "vendor", "device", "class"):
                row[key] = NASTY[(number + len(key)) % len(NASTY)]
    return host


def nasty_name(host, boards):
    host["host"] = "a'; touch pwned; '</script>]]>$(touch pwned)"
    return host


def huge_numbers(host, boards):
    for row in rows(host):
        row.update({key: HUGE for key, value in row.items() if isinstance(value, int) and value not in (0, 1)})
    for row in host["facts"]["pci_bar"]:
        row["size_bytes"] = 2 ** 60  # six of them are more than half of what a number holds
    host["facts"]["memory"].update(hugepages_free=HUGE, hugepages_1g_free=HUGE)
    host["facts"]["intent"] = {"guest_mmio64_bytes": 2 ** 63 - 1, "guest_memory_bytes": HUGE, "guest_address_bits": 40}
    return host


def negative_numbers(host, boards):
    for row in rows(host):
        row.update({key: -5 for key, value in row.items() if isinstance(value, int)})
    return host


def nothing_but_vendor_and_class(host, boards):
    host["facts"] = {"pci_function": [{"address": boards[0], "vendor": "10de", "class": "030200"}]}
    return host


def ring(host, boards):
    for row in host["facts"]["pci_function"]:
        row["parent"] = boards[0]
    return host


def far_domain(host, boards):
    return renamed(host, lambda address: "1" + address)


def many(host, boards):
    facts = host["facts"]
    row = next(row for row in facts["pci_function"] if row["address"] == boards[0])
    facts["pci_function"] += [{**row, "address": f"{domain:04x}:{bus:02x}:00.0", "parent": "none"}
                              for domain in (1, 2) for bus in range(150)]
    return host


def read_yaml(text):
    return list(yaml.safe_load_all(text)) if yaml else None


READERS = {"json": json.loads, "yaml": read_yaml, "argv": shlex.split, "run": shlex.split, "label": shlex.split,
           "domain": xml.dom.minidom.parseString, "values": read_yaml, "pod": read_yaml, "vmi": read_yaml,
           "permitted": read_yaml, "compose": read_yaml, "dra": read_yaml, "runtimeclass": read_yaml, "rule": read_yaml}


def forms():
    listed = subprocess.run([HAPPYPATH, "emit", "-o", "json"], capture_output=True, check=True).stdout
    return [(row["format"], form) for row in json.loads(listed)["formats"] for form in row["forms"].split()]


def check(host, file, scratch):
    """What is wrong with what is said of a host."""
    for name, form in forms():
        reader = READERS.get(form)
        what = [HAPPYPATH, "emit", f"{name}:{form}", "--facts", file, *(WORDS if host in (good, nasty_name) else [])]
        try:
            ran = subprocess.run(what, capture_output=True, text=True, cwd=scratch, timeout=120)
            if ran.returncode not in (0, 1, 3) or "runtime error" in ran.stderr:
                yield f"{host.__name__}: {name}:{form}: exit {ran.returncode}: {ran.stderr[-300:]}"
            elif ran.stdout and reader:
                reader(ran.stdout)
        except Exception as error:  # of a reader, or too late
            yield f"{host.__name__}: {name}:{form}: {str(error)[:300]}"


def said(file, *words):
    return subprocess.run([HAPPYPATH, "emit", *words, "--facts", file], capture_output=True, text=True, timeout=60).stdout


def check_far(file):
    """A domain has as many digits as it needs."""
    for what, words in (("libvirt:domain", ['domain="0x10000"', 'bus="0x19"']), ("qemu:argv", ["host=10000:19:00.0"])):
        text = said(file, what, "--gpu", "10000:19:00.0")
        yield from (f"{what}: no {word}" for word in words if word not in text)


def check_lines(file):
    """A name with a line break makes no line of its own."""
    text = said(file, "vmx:vmx", "--name", "a\nb.evil = \"c\"")
    yield from (line for line in text.splitlines() if line.startswith("b.evil"))


def main():
    wrong, hosts = [], [nasty_words, nasty_name, huge_numbers, negative_numbers, nothing_but_vendor_and_class, ring, far_domain, many]
    with tempfile.TemporaryDirectory() as scratch:
        for host in hosts:
            file = os.path.join(scratch, "facts.json")
            pathlib.Path(file).write_text(json.dumps(host(*copy.deepcopy(good()))))
            wrong += check(host, file, scratch)
            wrong += check_far(file) if host is far_domain else check_lines(file) if host is nasty_name else []
        wrong += ["a command was run"] if os.path.exists(os.path.join(scratch, "pwned")) else []
    print("\n".join(wrong))
    print(f"figures: {len(hosts)} hosts, {len(forms())} forms each, {len(wrong)} wrong")
    return 1 if wrong else 0


sys.exit(main())
