#!/usr/bin/env python3
# Would the cause of each incident have been named beforehand, and are hosts that worked left in peace?
# SPDX-License-Identifier: Apache-2.0
#
# foresight.py HAPPYPATH INCIDENTS GOOD: each directory holds facts files and expected.csv; README.md tells its form.
import csv
import json
import os
import subprocess
import sys

GATE = 42  # of the incidents whose cause is confirmed
ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8"}


def read_csv(directory):
    with open(os.path.join(directory, "expected.csv"), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def judge(program, directory, name):
    """The verdict of one facts file; complaints go to stderr as they come."""
    run = subprocess.run([program, "check", "--facts", os.path.join(directory, name + ".json"), "-o", "json"],
                         env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    if run.returncode:
        sys.exit(f"{name}: happypath check ended with {run.returncode}")
    return json.loads(run.stdout)["hosts"][0]


def offers(host, row):
    """The offers that a row speaks of: of its accelerator ('' for any), surface and share."""
    return [o for a in host["accelerators"] if row["subject"] in ("", a["address"]) or row["subject"].startswith("group:")
            for o in a["offers"] if (o["surface"], o["share"]) == (row["surface"], row["share"])]


def failing(host, row):
    """The failing findings that hit the offers of a row. A host without accelerators has its own alone."""
    found = {f["id"]: f for o in offers(host, row) for f in o["findings"]}
    wide = {f["id"]: f for f in host["findings"]}
    named = {i for o in offers(host, row) for i in o.get("blocking", [])} | \
        (set(wide) if not host["accelerators"] or offers(host, row) else set())
    found.update({i: f for i, f in wide.items() if i in named})
    return [f for f in found.values() if f["result"] == "fail"]


def why_missed(host, row):
    if host["accelerators"] and not offers(host, row):
        return f"there is no offer {row['surface']}:{row['share']}"
    of_rule = [f for f in failing(host, row) if f["rule"] == row["rule"]]
    if not of_rule:
        return f"{row['rule']} is not among the failing findings"
    if row["subject"] not in {f["subject"] for f in of_rule}:
        return f"{row['rule']} fails for {sorted({f['subject'] for f in of_rule})}, not for {row['subject']}"
    if not any(row["words"] in f["evidence"] for f in of_rule):
        return f"the evidence does not quote \"{row['words']}\": {of_rule[0]['evidence']}"
    return None


def false_alarms(host, row):
    if host["accelerators"] and not offers(host, row):
        return [f"there is no offer {row['surface']}:{row['share']}"]
    banned = row["must_not"].split()
    return [f"{f['id']} ({f['impact']}): {f['evidence']}" for f in failing(host, row)
            if f["impact"] == "blocks" or f["rule"] in banned]


def main():
    program, incidents, good = sys.argv[1:4]
    rows, missed, alarms = read_csv(incidents), [], []
    for row in rows:
        reason = why_missed(judge(program, incidents, row["id"]), row)
        if reason:
            missed.append(row["id"])
            print(f"{row['id']}: {reason}", file=sys.stderr)
    for row in read_csv(good):
        for alarm in false_alarms(judge(program, good, row["id"]), row):
            alarms.append(row["id"])
            print(f"{row['id']}: {alarm}", file=sys.stderr)
    named = {r["id"] for r in rows} - set(missed)
    weak = {r["id"] for r in rows if r["id"].startswith("weaker-")}
    all_files = {n[:-5] for n in os.listdir(incidents) if n.endswith(".json")}
    forgotten = sorted(all_files - {r["id"] for r in rows})
    for name in forgotten:
        print(f"{name}: has no row in expected.csv", file=sys.stderr)
    sure = [n for n in all_files if not n.startswith("weaker-")]
    print(f"foresight: {len(named - weak)} of {len(sure)} named, {len(alarms)} false alarms on {len(read_csv(good))} good "
          f"hosts; of incidents whose cause is less sure {len(named & weak)} of {len(all_files) - len(sure)}")
    return len(named - weak) < GATE or bool(alarms) or bool(forgotten)


if __name__ == "__main__":
    sys.exit(main())
