#!/usr/bin/env python3
# Each rule fires on a host varied from the one that taught it, and not where only the cause is repaired.
# SPDX-License-Identifier: Apache-2.0
#
# varied.py RUN-RULES SOURCE-ROOT [--all]: runs the cases, whose form README.md beside this file tells; with --all a
# rule without a case is wrong too. varied.py --write DIRECTORY SOURCE-ROOT: writes the hosts as facts files,
# repaired and as taught.
import copy
import csv
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

ADDRESS = re.compile(r"\b(?:([0-9a-f]{4}):)?([0-9a-f]{2}):([0-9a-f]{2}\.[0-7])\b")
ID = re.compile(r"\b([0-9a-f]{4}):([0-9a-f]{4})\b")
SAME = ("vendor", "kind", "is_vf", "generation", "mig", "vgpu", "vgpu_needs_mig", "open_module", "last_driver",
        "nvswitch", "reset_bug", "confidential")


class Schema:
    """What of the schema a variation needs: keys, versions and groups, by table."""

    def __init__(self, root):
        sys.path.insert(0, os.path.join(root, "lib/facts"))
        import schema
        self.tables = {t.name: t for t in schema.parse(os.path.join(root, "lib/facts/schema.sql"))}

    def key(self, table, row):
        names = [k for k in self.tables[table].key if k != "host"]
        return " ".join(str(row.get(n, "")) for n in names)

    def versions(self, table):
        return [c.name for c in self.tables[table].columns if c.domain == "version"]


class Siblings:
    """For a device id another one that rules have no reason to tell apart."""

    def __init__(self, root):
        with open(os.path.join(root, "knowledge/matrices/accelerator_model.csv"), encoding="utf-8") as file:
            self.models = [m for m in csv.DictReader(file) if m["subsystem"] == ""]

    def of(self, vendor, device):
        mine = next((m for m in self.models if (m["vendor"], m["device"]) == (vendor, device)), None)
        if not mine:
            return device
        like = [m["device"] for m in self.models
                if all(m[c] == mine[c] for c in SAME) and m["device"] != device and m["name"] != mine["name"]]
        return min(like, key=lambda d: (d < device, d)) if like else device


def rows_of(facts, table):
    rows = facts.get(table, [])
    return [rows] if isinstance(rows, dict) else rows


def map_text(value, change):
    """Applies `change` to every text below `value`."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [map_text(v, change) for v in value]
    if isinstance(value, dict):
        return {k: map_text(v, change) for k, v in value.items()}
    return value


def other_address(match):
    bus = (int(match.group(2), 16) * 5 + 0x23) % 0x100
    return (match.group(1) + ":" if match.group(1) else "") + f"{bus:02x}:{match.group(3)}"


def next_version(text):
    """The version after it: the last number of its first dotted run grows by one."""
    run = re.search(r"\d+(\.\d+)*", text)
    if not run:
        return text
    head, dot, last = run.group(0).rpartition(".")
    return text[:run.start()] + head + dot + str(int(last) + 1).rjust(len(last), "0") + text[run.end():]


def vary_ids(facts, siblings):
    swaps = {}
    for row in rows_of(facts, "pci_function"):
        vendor, device = row.get("vendor"), row.get("device")
        if vendor and device:
            swaps[vendor, device] = siblings.of(vendor, device)
            row["device"] = swaps[vendor, device]
    return map_text(facts, lambda text: ID.sub(
        lambda m: m.group(1) + ":" + swaps.get((m.group(1), m.group(2)), m.group(2)), text))


def vary_versions(facts, schema):
    for table in facts:
        for row in rows_of(facts, table):
            for column in schema.versions(table):
                if isinstance(row.get(column), str):
                    row[column] = next_version(row[column])


def vary_groups(facts):
    for table in ("pci_function", "iommu_group", "mdev"):
        for row in rows_of(facts, table):
            if str(row.get("iommu_group", "none")).isdigit():
                row["iommu_group"] = str(int(row["iommu_group"]) + 100)


def vary(case, schema, siblings):
    facts, keep = copy.deepcopy(case["facts"]), case.get("keep", {})
    if "id" not in keep:
        facts = vary_ids(facts, siblings)
    if "version" not in keep:
        vary_versions(facts, schema)
    vary_groups(facts)
    if "address" not in keep:
        facts = map_text(facts, lambda text: ADDRESS.sub(other_address, text))
    return facts


def repair_table(facts, schema, table, patch):
    if patch is None:
        facts.pop(table, None)
        return
    rows = list(rows_of(facts, table))
    for key, change in patch.items():
        if key == "+":
            rows += change
            continue
        found = [r for r in rows if schema.key(table, r) == key]
        if not found and change is not None:
            found = [{}]
            rows += found
        for row in found:
            if change is None:
                rows.remove(row)
            else:
                row.update(change)
    facts[table] = rows


def repair(case, schema):
    facts = copy.deepcopy(case["facts"])
    for table, patch in (case["repair"] or {}).items():
        repair_table(facts, schema, table, patch)
    return facts


def load_cases(here, root):
    cases = []
    for path in sorted(glob.glob(os.path.join(here, "cases/*.json"))):
        with open(path, encoding="utf-8") as file:
            for number, case in enumerate(json.load(file)):
                case["where"] = f"{os.path.basename(path)}[{number}] {case['rule']}"
                if "from" in case:
                    with open(os.path.join(root, "tests", case["from"] + ".json"), encoding="utf-8") as taught:
                        document = json.load(taught)
                    case["facts"], case["observed"] = document["facts"], document.get("observed", {})
                for table, patch in case.get("with", {}).items():
                    repair_table(case["facts"], Schema(root), table, patch)
                cases.append(case)
    return cases


def run(program, documents):
    """Rows of all rules on facts documents: a list of (rule, subject, result, evidence) for each."""
    with tempfile.TemporaryDirectory() as directory:
        paths = []
        for number, document in enumerate(documents):
            paths.append(os.path.join(directory, f"{number}.json"))
            with open(paths[-1], "w", encoding="utf-8") as file:
                json.dump(document, file)
        lines = subprocess.run([program, *paths], check=True, capture_output=True, text=True).stdout.splitlines()
    rows = [[] for _ in documents]
    for line in lines:
        path, rule, subject, surface, share, result, evidence = line.split("\t", 6)
        rows[int(os.path.basename(path)[:-5])].append((rule, subject, result, evidence))
    return rows


def write_hosts(directory, kind, cases, facts):
    os.makedirs(directory, exist_ok=True)
    for old in glob.glob(os.path.join(directory, f"{kind}-*.json")):
        os.unlink(old)
    for number, case in enumerate(cases):
        name = f"{kind}-{number:03}-{case['rule']}"
        with open(os.path.join(directory, name + ".json"), "w", encoding="utf-8") as file:
            json.dump({"schema": "happypath.facts/1", "host": name, "facts": facts(case),
                       "observed": case.get("observed", {})}, file)


def write(directory, cases, schema):
    """The hosts as facts files: repaired, on which each rule has something to pass; below taught/, on which it fires."""
    write_hosts(directory, "repaired", cases, lambda case: repair(case, schema))
    write_hosts(os.path.join(directory, "taught"), "taught", cases, lambda case: case["facts"])
    print(f"{len(cases)} hosts of each kind")


def results(rows, rule):
    return [r[2] for r in rows if r[0] == rule]


def main():
    writing = sys.argv[1] == "--write"
    program, root = sys.argv[1 + writing], sys.argv[2 + writing]
    schema, siblings = Schema(root), Siblings(root)
    cases = load_cases(os.path.dirname(os.path.abspath(__file__)), root)
    if writing:
        return write(program, cases, schema)
    document = lambda facts, case: {"schema": "happypath.facts/1", "host": "case", "facts": facts,
                                    "observed": case.get("observed", {})}
    documents = []
    for case in cases:
        documents += [document(case["facts"], case), document(vary(case, schema, siblings), case),
                      document(repair(case, schema), case)]
    said = run(program, documents)
    wrong, passed = [], 0
    for number, case in enumerate(cases):
        taught, varied, repaired = (results(said[3 * number + i], case["rule"]) for i in range(3))
        fires = case.get("fires", "fail")
        if fires not in taught:
            wrong.append(f"{case['where']}: does not fire: {taught}")
        if fires not in varied:
            wrong.append(f"{case['where']}: does not fire on the varied host: {varied}")
        if fires in repaired and "never" not in case:
            wrong.append(f"{case['where']}: still fires where its cause is repaired")
        passed += bool(repaired) and set(repaired) == {"pass"}
    rules = subprocess.run([program], check=True, capture_output=True, text=True).stdout.split()
    bare = sorted(set(rules) - {c["rule"] for c in cases})
    if "--all" in sys.argv:
        wrong += [f"{rule}: has no case" for rule in bare]
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"varied: {len(cases)} cases for {len(rules) - len(bare)} of {len(rules)} rules; each fires as taught and "
          f"varied, and not repaired ({passed} then pass, the others do not apply or cannot tell): {len(wrong)} wrong")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
