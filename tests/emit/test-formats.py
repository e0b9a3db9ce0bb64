#!/usr/bin/env python3
"""What is emitted for clusters and containers, read by others. SPDX-License-Identifier: Apache-2.0

1. Kubernetes' objects and KubeVirt's against the types that these projects publish (schemas/, see
   make-schemas.py there), Compose against its own schema: unknown keys are refused.
2. YAML says to a reader of YAML what the document is; TOML, INI, units and commands are read back
   and hold the words that were meant, also from a host whose facts are hostile.
Not read by others here: the values of the GPU Operator's chart, a rule of Node Feature Discovery,
Proxmox's lines, the device plugin's file.
"""
import concurrent.futures
import configparser
import json
import pathlib
import shlex
import sys
import tempfile

import tomllib

from hosts import Hosts

try:
    import jsonschema
    import yaml
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

# Which type an object of a form is, by the schema's file.
KINDS = {"Pod": ("kubernetes", "V1Pod"), "RuntimeClass": ("kubernetes", "V1RuntimeClass"),
         "ResourceClaimTemplate": ("kubernetes", "V1ResourceClaimTemplate"), "KubeVirt": ("kubevirt", "V1KubeVirt"),
         "VirtualMachineInstance": ("kubevirt", "V1VirtualMachineInstance")}
MINE = {"ansible", "cdi", "containerd", "docker", "gpu-operator", "kata", "kubernetes", "kubevirt", "nfd", "nova", "podman", "proxmox"}
SHARES = {"8xh100": [(), ("--share", "mig:1g.10gb")], "a2-sriov-mdev": [("--share", "vgpu")],
          "l40s-vendor-vfio": [(), ("--share", "vgpu")], "mi300x": [()], "hostile": [()]}
# What the version of a platform decides: format, host, share, version, exit status.
VERSIONS = [("kubevirt", "l40s-vendor-vfio", "vgpu", "kubevirt@1.8.3", 3),
            ("kubevirt", "l40s-vendor-vfio", "vgpu", "kubevirt@1.9.0", 0)]
MISUSED = [("--guest-memory", "much"), ("--to", "nowhere"), ("--share", "half"), ("--gpu", "first"), ("--cpus", "0"), ("--iommufd", "maybe")]
HOSTILE = "no'de$(id)`id`\"\\ # : - {a}\n[x]\ty=%n"


def validators(folder):
    found = {}
    for name, kind in KINDS.values():
        schema = json.loads((folder / f"{name}.json").read_text())
        found[kind] = jsonschema.Draft7Validator(schema | {"$ref": f"#/definitions/{kind}"})
    found["compose"] = jsonschema.Draft7Validator(json.loads((folder / "compose.json").read_text()))
    return found


def hostile(hosts):
    """A host whose every word that is free is meant to end a quote, a line or a value."""
    facts = json.loads((hosts.folder / "workstation/host.facts.json").read_text())
    facts["host"] = HOSTILE
    for function in facts["facts"]["pci_function"]:
        if function["address"].startswith("0000:01"):
            function["iommu_group"] = "12/../../sda"
    facts["facts"]["iommu_group"] = []
    facts["facts"]["device_node"].append({"path": "/dev/dri/../sda\n", "state": "present", "address": "0000:01:00.0",
                                          "owner": "x:y'\n", "mode": "666"})
    path = hosts.scratch / "hostile.json"
    path.write_text(json.dumps(facts))
    return path, ["--facts", str(path), "--name", HOSTILE, "--image", "im'age$x%n\n#"]


def ask(task):
    """Form, how it was asked for, envelope and text; None where it is refused."""
    hosts, form, host, words = task
    asked = ["emit", form, *words]
    ran = hosts.run(*asked, "-o", "json")
    assert ran.returncode in (0, 2, 3), f"{asked}: {ran.stderr}"
    if ran.returncode:
        return None
    return form, f"{host} {' '.join(words[-2:])}", json.loads(ran.stdout), hosts.run(*asked).stdout


def emissions(hosts):
    places = [(place.name, words) for place, words in hosts] + [("hostile", hostile(hosts)[1])]
    tasks = [(hosts, f"{name}:{form}", host, [*words, *share]) for name, form in hosts.forms() if name in MINE
             for host, words in places for share in SHARES.get(host, [])]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return [answer for answer in pool.map(ask, tasks) if answer]


# -- readers --

def read_objects(envelope, text, checkers):
    content = envelope["content"]
    documents = content if isinstance(content, list) else [content]
    read = [json.loads(text)] if text.startswith("{") else list(yaml.safe_load_all(text))
    if read != documents:
        yield f"read back as {read}"
    for document in documents:
        name, kind = KINDS.get(document.get("kind"), (None, None))
        kind = "compose" if "services" in document else kind
        for error in checkers[kind].iter_errors(document) if kind else ():
            yield f"{error.json_path}: {error.message}"


def read_command(envelope, text, _):
    words = shlex.split(text.replace("\\\n", " "))
    if words[0] not in ("docker", "podman", "kubectl"):
        yield f"no command: {words}"
    if words[0] != "kubectl" and words[1:3] != ["run", "--rm"]:
        yield f"not what was meant: {words}"
    if any(character in word for word in words[-1:] for character in "\t") and "im'age" not in words[-1]:
        yield f"cut: {words}"


def read_toml(envelope, text, _):
    if not tomllib.loads(text):
        yield "nothing in it"


def read_ini(envelope, text, _):
    sections = {"[pci]", "[devices]", "[Unit]", "[Container]", "[Install]"}
    for line in text.splitlines():
        if line.startswith("[") and line not in sections and not line.startswith("[mdev_"):
            yield f"a section that nobody meant: {line}"
    parser = configparser.RawConfigParser(strict=False, delimiters="=")
    parser.optionxform = str
    parser.read_string(text)
    for option, value in parser.items("pci") if parser.has_section("pci") else ():
        json.loads(value)


def read_lines(envelope, text, _):
    for line in text.splitlines():
        if any(character in line for character in "'`$(\\"):
            yield f"not a plain line: {line}"


READERS = {"docker:run": read_command, "podman:run": read_command, "gpu-operator:label": read_command,
           "containerd:toml": read_toml, "kata:config": read_toml, "nova:conf": read_ini, "podman:quadlet": read_ini,
           "proxmox:hostpci": read_lines, "proxmox:mapping": read_lines, "nfd:features": read_lines}


def check(hosts, checkers):
    counts, wrong = {}, []
    for form, asked, envelope, text in emissions(hosts):
        counts[form] = counts.get(form, 0) + 1
        reader = READERS.get(form, read_objects)
        wrong += [f"{form} {asked}: {said}" for said in reader(envelope, text, checkers)]
        if "/../" in text and not form.startswith("ansible"):
            wrong.append(f"{form} {asked}: a path that leads elsewhere")
    return counts, wrong


def check_versions(hosts):
    """What a version was said to decide and does not."""
    places = {place.name: words for place, words in hosts}
    for form, host, share, version, expected in VERSIONS:
        ran = hosts.run("emit", form, *places[host], "--share", share, "--assume", f"vmm={version}")
        if ran.returncode != expected:
            yield f"{form} {host} {version}: exit {ran.returncode}, not {expected}: {ran.stderr}"


def check_misuse(hosts):
    """An option's value that cannot be meant is the user's mistake, not the tool's."""
    for option, value in MISUSED:
        ran = hosts.run("emit", "qemu", "--assume", "gpu=10de:2330", option, value)
        if ran.returncode != 2 or value not in ran.stderr:
            yield f"emit qemu {option} {value}: exit {ran.returncode}: {ran.stderr}"


def main():
    with tempfile.TemporaryDirectory() as scratch:
        hosts = Hosts(sys.argv[1], sys.argv[2], scratch)
        checkers = validators(hosts.folder / "schemas")
        for kind, checker in checkers.items():
            assert list(checker.iter_errors({"nobody": "knows"})), f"{kind} takes unknown keys"
        counts, wrong = check(hosts, checkers)
        wrong += [*check_versions(hosts), *check_misuse(hosts)]
        never = [form for form in (f"{n}:{f}" for n, f in hosts.forms() if n in MINE) if form not in counts]
    print(*(f"{form}: {count} read" for form, count in counts.items()), *wrong, sep="\n")
    print(f"never emitted: {never}" if never else "", f"{sum(counts.values())} passed, {len(wrong)} failed", sep="\n")
    return 1 if wrong or never else 0


sys.exit(main())
