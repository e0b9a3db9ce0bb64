#!/usr/bin/env python3
# happypath surfaces as a user runs it: the table published on 2025-02-14, what changed since, the forms of output,
# and what is said of questions that have no answer. SPDX-License-Identifier: Apache-2.0
import csv
import io
import json
import re
import subprocess
import sys

PROGRAM, SCHEMA = sys.argv[1], json.load(open(sys.argv[2], encoding="utf-8"))
TYPES = {"string": str, "integer": int, "null": type(None), "array": list, "object": dict}
PUBLISHED = {"container": "on", "kubernetes": "on", "qemu-vfio": "on", "qemu-vgpu": "on", "esxi-vgpu": "on",
             "cloud-hypervisor": "caution", "firecracker": "off", "custom-vmm": "off"}
ORDER = ["on", "caution", "off", "unknown"]
REFUSED = [
    (["--as-of", "2025-02-30"], "YYYY-MM-DD"), (["--as-of", "yesterday"], "YYYY-MM-DD"),
    (["--changes-since", "2025-2-1"], "YYYY-MM-DD"), (["--vendor", "acme"], "10de"), (["--surface", "qemu"], "qemu-vfio"),
    (["--share", "half"], "whole"), (["--model", "H1000"], "H100"), (["-o", "xml"], "json"), (["stray"], "stray"),
    (["--as-of", "2025-01-01", "--changes-since", "2025-02-14"], "later"), (["--no-such"], ""),
]


def run(*arguments):
    return subprocess.run([PROGRAM, "surfaces", *arguments], capture_output=True, text=True)


def conform(value, schema, where="answer"):
    """The part of JSON Schema that docs/surfaces.schema.json uses."""
    if "$ref" in schema:
        conform(value, SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]], where)
    if "type" in schema:
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        assert any(isinstance(value, TYPES[k]) for k in kinds), f"{where} is {value!r}, expected {kinds}"
    assert value in schema.get("enum", [value]) and value == schema.get("const", value), f"{where} is {value!r}"
    assert re.search(schema.get("pattern", ""), str(value)), f"{where} is {value!r}"
    for name in schema.get("required", []):
        assert name in value, f"{where} has no {name}"
    if isinstance(value, dict):
        for name, part in value.items():
            assert name in schema["properties"], f"{where}.{name} is not in the schema"
            conform(part, schema["properties"][name], f"{where}.{name}")
    if isinstance(value, list):
        for number, part in enumerate(value):
            conform(part, schema["items"], f"{where}[{number}]")


def answer(*arguments):
    done = run(*arguments, "-o", "json")
    assert done.returncode == 0, (arguments, done.returncode, done.stderr)
    whole = json.loads(done.stdout)
    conform(whole, SCHEMA)
    return whole


def check_published():
    table = answer("--as-of", "2025-02-14", "--vendor", "10de")
    summary = {row["surface"]: row["path"] for row in table["summary"]}
    assert {s: summary[s] for s in PUBLISHED} == PUBLISHED, summary
    best = {}
    for row in table["surfaces"]:
        best[row["surface"]] = min(best.get(row["surface"], "unknown"), row["path"], key=ORDER.index)
        assert row["vendor"] == "10de" and row["source"], row
        assert {"share", "condition", "since", "until"} <= row.keys(), row
        assert (row["since"] or "") <= "2025-02-14" < (row["until"] or "9999"), row
    assert {s: best[s] for s in PUBLISHED} == PUBLISHED, best
    assert table["as_of"] == "2025-02-14" and table["schema"] == "happypath.surfaces/1"
    assert table["knowledge"]["as_of"] and table["knowledge"]["version"]
    assert table["knowledge"]["age_days"] >= 0


def check_changes():
    changes = answer("--changes-since", "2025-02-14", "--as-of", "2026-08-22")["changes"]
    assert all(c["source"] and "2025-02-14" < c["date"] <= "2026-08-22" and c["from"] != c["to"] for c in changes)
    moved = {(c["surface"], c["share"], c["match"]): (c["from"], c["to"], c["change"]) for c in changes}
    assert moved["qemu-vfio", "whole", "id 2901"] == ("off", "on", "widened"), moved
    assert moved["container", "whole", "generation volta"] == ("on", "caution", "narrowed"), moved
    assert not [c for c in changes if c["surface"] == "firecracker"]
    assert answer("--changes-since", "2026-08-22", "--as-of", "2026-08-22")["changes"] == []


def check_model():
    rows = answer("--as-of", "2026-08-22", "--model", "b200", "--vendor", "nvidia")["surfaces"]
    paths = {(r["surface"], r["share"]): (r["path"], r["match"]) for r in rows}
    assert paths["cloud-hypervisor", "whole"] == ("off", "model B200"), paths
    assert paths["qemu-vfio", "whole"] == ("on", "id 2901"), paths
    early = answer("--as-of", "2025-02-14", "--model", "B200", "--surface", "kubevirt", "--share", "whole")["surfaces"]
    assert [(r["path"], r["runs_on"]) for r in early] == [("off", "qemu-vfio")], early


def check_forms():
    arguments = ["--as-of", "2026-08-22", "--vendor", "amd"]
    rows = answer(*arguments)["surfaces"]
    listed = list(csv.DictReader(io.StringIO(run(*arguments, "-o", "csv").stdout)))
    assert len(listed) == len(rows)
    for a, b in zip(listed, rows):
        assert all(a[k] == ("" if v is None else str(v)) for k, v in b.items()), (a, b)
    table = run(*arguments)
    assert table.stdout.splitlines()[0].split()[:2] == ["SURFACE", "PATH"]
    assert "as of 2026-08-22, by knowledge" in table.stderr
    assert len(run(*arguments, "-o", "yaml").stdout.splitlines()) > len(rows)


def check_refusals():
    for arguments, word in REFUSED:
        done = run(*arguments)
        assert done.returncode == 2 and word in done.stderr and not done.stdout, (arguments, done)


for check in (check_published, check_changes, check_model, check_forms, check_refusals):
    check()
print("surfaces: published table, changes, models, forms and refusals as expected")
