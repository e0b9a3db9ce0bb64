#!/usr/bin/env python3
# Each row of matrices/regression.csv is told of its first bad release, on the ways of attaching that it names, and not of
# its first good one; of kernels never where their number does not tell. SPDX-License-Identifier: Apache-2.0
#
# regressions.py RUN-RULES SOURCE-ROOT
import csv
import json
import os
import subprocess
import sys
import tempfile


def read(root, matrix):
    with open(os.path.join(root, "knowledge/matrices", f"{matrix}.csv"), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def accelerator(models, row):
    """One that the row is about."""
    wanted = {column: row[column] for column in ("vendor", "generation", "model") if row[column]} or {"vendor": "10de"}
    model = next((m for m in models if m["kind"] == "gpu" and not m["subsystem"] and m["is_vf"] == "0"
                  and all(m[column] == value for column, value in wanted.items())), None)
    assert model, f"no model has {wanted}"
    return {"address": "0000:01:00.0", "vendor": model["vendor"], "device": model["device"], "class": "030200",
            "driver": "none"}


def host(models, row, version):
    facts = {"machine": {"architecture": row["architecture"] or "x86_64"}, "cpu": {"vendor": row["processor"] or "intel"},
             "pci_function": [accelerator(models, row)]}
    if row["name"] == "linux":
        return facts | {"kernel": {"release": version}}
    if row["name"] == "nvidia-driver":
        return facts | {"nvidia_driver": {"loaded_version": version}}
    return facts | {"software": [{"name": row["name"], "version": version}]}


def patched(row):
    """Releases of kernels that have patches of their distribution, where the row is about a stable release."""
    if row["name"] != "linux" or (row["until"] or row["since"]).count(".") < 2:
        return []
    minor = ".".join((row["until"] or row["since"]).split(".")[:2])
    return [f"{minor}.0-45-generic", f"{row['since']}-70.el9.x86_64"]


def write(folder, name, facts):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"schema": "happypath.facts/1", "facts": facts}, file)
    return path


def places(offers, row, vendor):
    """Surface and share of the rows that must tell of it."""
    if not row["mechanism"] and not row["surface"] and not row["share"]:
        return {("*", "*")}
    return {(o["surface"], o["share"]) for o in offers
            if o["kind"] == "gpu" and o["vendor"] in (vendor, "*") and row["mechanism"] in ["", *o["mechanism"].split()]
            and row["surface"] in ("", o["surface"]) and row["share"] in ("", o["share"])}


def told(run_rules, rule, paths):
    """By file: where the rule failed, and with what evidence."""
    ran = subprocess.run([run_rules, "--rule", rule, *paths], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    found = {path: {} for path in paths}
    for line in ran.stdout.splitlines():
        path, _, _, surface, share, result, evidence = line.split("\t", 6)
        if result == "fail":
            found[path][surface, share] = evidence
    return found


def wrong(row, wanted, bad, good):
    """What is wrong with what is told of a row, or None."""
    missing = [place for place in wanted if row["what"] not in bad.get(place, "")]
    if not wanted:
        return "no way of attaching is meant"
    if missing:
        return f"not told of {row['since']} for {sorted(missing)[0]}"
    if any(row["what"] in evidence for places in good for evidence in places.values()):
        return f"told of {row['until']}, or of a kernel whose number does not tell"
    return None


def main():
    run_rules, root = sys.argv[1:]
    rows, models, offers = read(root, "regression"), read(root, "accelerator_model"), read(root, "surface_share")
    problems = 0
    with tempfile.TemporaryDirectory() as folder:
        bad = [write(folder, f"{i}-bad.json", host(models, row, row["since"])) for i, row in enumerate(rows)]
        good = [write(folder, f"{i}-good.json", host(models, row, row["until"])) if row["until"] else ""
                for i, row in enumerate(rows)]
        own = {i: [write(folder, f"{i}-{release}.json", host(models, row, release)) for release in patched(row)]
               for i, row in enumerate(rows)}
        for impact in ("blocks", "degrades"):
            mine = [i for i, row in enumerate(rows) if row["impact"] == impact]
            paths = [path for i in mine for path in (bad[i], good[i], *own[i]) if path]
            found = told(run_rules, f"regression-{impact}", paths)
            for i in mine:
                vendor = accelerator(models, rows[i])["vendor"]
                why = wrong(rows[i], places(offers, rows[i], vendor), found[bad[i]],
                            [found[path] for path in (good[i], *own[i]) if path])
                if why:
                    problems += 1
                    print(f"knowledge/matrices/regression.csv: {rows[i]['name']} {rows[i]['since']}: {why}")
    print(f"regressions: figures: {len(rows)} rows, {sum(map(bool, good))} of them with an end, {problems} wrong")
    return 1 if problems or not rows else 0


sys.exit(main())
