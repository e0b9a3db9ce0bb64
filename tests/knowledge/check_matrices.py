#!/usr/bin/env python3
# Checks the matrices as data: shape, domains, keys, sources, dates, and that the dated matrix neither
# contradicts itself nor names what does not exist. SPDX-License-Identifier: Apache-2.0
import collections
import csv
import os
import re
import sys

ROOT = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "../..")
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "lib/facts"))
import schema  # noqa: E402

MATRICES = os.path.join(ROOT, "knowledge/matrices")
DAY = re.compile(r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")
DAY_OR_MONTH = re.compile(r"^\d{4}-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?$")
ID = re.compile(r"^[0-9a-f]{4}$")
VERSION = re.compile(r"^(none|v?\d+(\.\d+)*([-~]?(rc|beta|alpha)\.?\d*)?)$")
NINE = ["container", "kubernetes", "qemu-vfio", "qemu-vgpu", "esxi-vgpu", "esxi-passthrough",
        "cloud-hypervisor", "firecracker", "custom-vmm"]
COSTS = ["driver-work", "slices-lost", "churn", "support-lost", "boot-time", "isolation"]
TRAITS = {"mig", "no-mig", "vgpu", "no-vgpu", "nvswitch", "consumer"}
problems = []


def problem(where, what):
    problems.append(f"{where}: {what}")


def load(table):
    """The rows of a table as dictionaries, each with the line it came from."""
    name = f"knowledge/matrices/{table.name}.csv"
    columns = [c for c in table.columns if c.domain != "key"]
    try:
        with open(os.path.join(ROOT, name), encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            records = [(reader.line_num, fields) for fields in reader]
    except FileNotFoundError:
        problem(name, "the table has no file")
        return []
    head = [c.name for c in columns]
    if records[0][1] != head:
        problem(f"{name}:1", f"columns are {records[0][1]}, expected {head}")
        return []
    rows = []
    for line, fields in records[1:]:
        if len(fields) != len(head):
            problem(f"{name}:{line}", f"{len(fields)} fields, expected {len(head)}")
        else:
            rows.append(dict(zip(head, fields), where=f"{name}:{line}"))
    if not rows:
        problem(name, "holds no row")
    for row in rows:
        check_fields(columns, row)
    check_keys(table, rows)
    return rows


def check_keys(table, rows):
    keys = {}
    for row in rows:
        key = tuple(row[k] for k in table.key)
        if key in keys:
            problem(row["where"], f"same key as {keys[key]}: {key}")
        keys[key] = row["where"]


def check_fields(columns, row):
    for c in columns:
        value = row[c.name]
        if value == "":
            if c.required and (c.kind == "INTEGER" or c.name == "source"):
                problem(row["where"], f"{c.name} is empty")
        elif c.kind == "INTEGER" and not re.match(r"^-?\d+$", value):
            problem(row["where"], f"{c.name} is {value!r}, expected a number")
        elif c.domain == "version" and not VERSION.match(value):
            problem(row["where"], f"{c.name} is {value!r}, expected a version")
        elif "|" in c.domain and value not in c.domain.split("|"):
            problem(row["where"], f"{c.name} is {value!r}, expected one of {c.domain}")
        if value != value.strip() or "\n" in value:
            problem(row["where"], f"{c.name} has white space around it or a line break in it")
        if re.search(r"unsourced|not retrieved", value, re.I):
            problem(row["where"], f"{c.name} speaks of a source that is not there")


def check_ids(rows, columns):
    for row in rows:
        for c in columns:
            if row[c] and not ID.match(row[c]):
                problem(row["where"], f"{c} is {row[c]!r}, expected four lower-case hex digits")


def check_dates(rows, columns, pattern=DAY):
    for row in rows:
        for c in columns:
            if row[c] and not pattern.match(row[c]):
                problem(row["where"], f"{c} is {row[c]!r}, expected a date")


def traits(model):
    """The traits that lib/judge/surfaces.c finds in a row of accelerator_model."""
    found = []
    if model["mig"]:
        found.append("mig" if model["mig"] == "yes" else "no-mig")
    if model["vgpu"]:
        found.append("vgpu" if model["vgpu"] == "yes" else "no-vgpu")
    if model["nvswitch"] == "yes":
        found.append("nvswitch")
    if model["segment"] == "consumer":
        found.append("consumer")
    return tuple(found)


def overlap(a, b):
    return (not a["until"] or b["since"] < a["until"]) and (not b["until"] or a["since"] < b["until"])


def check_support(tables):
    support, models = tables["support"], tables["accelerator_model"]
    offered = {(r["surface"], r["share"], r["kind"], r["vendor"]) for r in tables["surface_share"]}
    known = {kind: {(m["vendor"], m["kind"], m[column]) for m in models}
             for kind, column in (("id", "device"), ("model", "model"), ("chip", "chip"), ("generation", "generation"))}
    check_dates(support, ["since", "until", "checked"])
    for row in support:
        if (row["surface"], row["share"], row["kind"], row["vendor"]) not in offered:
            problem(row["where"], "surface_share.csv has no such surface, share, kind and vendor")
        if row["until"] and row["since"] >= row["until"]:
            problem(row["where"], f"since {row['since']} is not before until {row['until']}")
        match, value = row["match_kind"], row["match_value"]
        if match == "any" and value != "*" or match == "trait" and value not in TRAITS:
            problem(row["where"], f"{match} {value} is not known")
        if match in known and (row["vendor"], row["kind"], value) not in known[match]:
            problem(row["where"], f"{match} {value} is not in accelerator_model.csv")
    check_contradictions(support, models)


def check_contradictions(support, models):
    """Two rows of one rank that match one device on one day. An id, model, chip, generation or 'any' matches by
    one value, so only equal values can clash; a device can have two traits that do."""
    groups = collections.defaultdict(list)
    for row in support:
        groups[row["surface"], row["share"], row["kind"], row["vendor"], row["match_kind"]].append(row)
    held = {(m["vendor"], m["kind"], traits(m)) for m in models}
    for (_, _, kind, vendor, match), rows in groups.items():
        for i, a in enumerate(rows):
            for b in rows[i + 1:]:
                clash = a["match_value"] == b["match_value"] or match == "trait" and any(
                    (v, k) == (vendor, kind) and {a["match_value"], b["match_value"]} <= set(t) for v, k, t in held)
                if clash and overlap(a, b):
                    problem(b["where"], f"contradicts {a['where']}")


def check_surfaces(tables):
    surfaces = sorted(tables["surface"], key=lambda r: int(r["position"]))
    nine = [r["surface"] for r in surfaces if r["first_nine"] == "1"]
    if nine != NINE:
        problem("knowledge/matrices/surface.csv", f"the first nine are {nine}, expected {NINE}")
    names = {r["surface"] for r in surfaces}
    offers = {(r["surface"], r["share"], r["kind"], r["vendor"]): r for r in tables["surface_share"]}
    for key, row in offers.items():
        if row["surface"] not in names:
            problem(row["where"], "surface.csv does not have this surface")
        base = row["base_surface"]
        if base != "none" and (base, *key[1:]) not in offers:
            problem(row["where"], f"runs on {base}, which has no row for this share and vendor")
    for surface in names - {key[0] for key in offers}:
        problem("knowledge/matrices/surface.csv", f"{surface} has no share")


def check_costs(tables):
    priced = {(r["surface"], r["kind"]) for r in tables["cost"]}
    for row in tables["surface"]:
        for kind in COSTS:
            if (row["surface"], kind) not in priced:
                problem("knowledge/matrices/cost.csv", f"{row['surface']} has no price for {kind}")


def check_mig(rows):
    for row in rows:
        starts = row["placements"].split()
        if starts and len(starts) < int(row["max_instances"]):
            problem(row["where"], f"{len(starts)} placements for {row['max_instances']} instances")


def check_ranges(rows):
    for row in rows:
        if row["device_first"] > row["device_last"]:
            problem(row["where"], "the range of device ids is upside down")


def check_patterns(rows):
    for row in rows:
        try:
            re.compile(row["pattern"].replace("[[:space:]]", r"\s").replace("[[:xdigit:]]", "[0-9a-fA-F]"))
        except re.error as error:
            problem(row["where"], f"pattern: {error}")


def main():
    tables = {t.name: load(t) for t in schema.parse(os.path.join(MATRICES, "matrices.sql"))}
    for name in sorted(os.listdir(MATRICES)):
        if name.endswith(".csv") and name[:-4] not in tables:
            problem(f"knowledge/matrices/{name}", "matrices.sql has no such table")
    check_ids(tables["accelerator_model"], ["vendor", "device", "pf_device"])
    check_dates(tables["knowledge_info"], ["as_of"])
    check_dates(tables["driver_branch"], ["first_release", "latest_date", "end_of_life"], DAY_OR_MONTH)
    check_support(tables)
    check_surfaces(tables)
    check_costs(tables)
    check_mig(tables["mig_profile"])
    check_ranges(tables["fabric_device"] + tables["acs_quirk"])
    check_patterns(tables["kernel_message_pattern"])
    for line in problems:
        print(line, file=sys.stderr)
    print(f"{sum(len(r) for r in tables.values())} rows in {len(tables)} tables, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
