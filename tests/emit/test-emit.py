#!/usr/bin/env python3
"""Goldens: what `happypath emit` says of each host here. SPDX-License-Identifier: Apache-2.0

A folder is a host: `arguments` says which, see hosts.py. Every other file is a golden,
FORMAT.FORM or FORMAT.FORM+SURFACE[+SHARE]: what was written, and below it, behind '#', what was
said beside it and the exit status. How far an offer is the rules say, and their own tests hold
that: here such a note ends at "…".

UPDATE_GOLDENS=1 writes what is said now, for each format and form there is; look at the difference.
"""
import concurrent.futures
import difflib
import os
import re
import sys
import tempfile

from hosts import Hosts

update = os.environ.get("UPDATE_GOLDENS") == "1"
RULES_SAY = re.compile(r"(not ready for it|whether this host can deliver it is not known)\b.*")


def emit(hosts, words, name):
    """What is said for a golden of that name."""
    wish, *to = name.split("+")
    arguments = ["emit", wish.replace(".", ":", 1), *words]
    for option, word in zip(("--to", "--share"), to):
        arguments += [option, word]
    ran = hosts.run(*arguments)
    said = ["# " + RULES_SAY.sub(r"\1 …", line) + "\n" for line in ran.stderr.splitlines()]
    gap = "" if not ran.stdout or ran.stdout.endswith("\n") else "\n"
    return ran.stdout + gap + "".join(said) + f"# exit {ran.returncode}\n"


def check(task):
    hosts, words, path = task
    said = emit(hosts, words, path.name)
    if update:
        path.write_text(said)
        return None
    if not path.exists():
        return f"{path.parent.name}: there is no golden of {path.name}: UPDATE_GOLDENS=1 writes it"
    golden = RULES_SAY.sub(r"\1 …", path.read_text())
    there = str(path.relative_to(hosts.source))
    return None if said == golden else "".join(
        difflib.unified_diff(golden.splitlines(True), said.splitlines(True), there, "now"))


def tasks(hosts):
    every = {f"{name}.{form}" for name, form in hosts.forms()}
    for place, words in hosts:
        goldens = {path.name for path in place.iterdir()} - {"arguments", "host.facts.json"}
        for name in sorted(goldens | every):
            yield hosts, words, place / name


def main():
    with tempfile.TemporaryDirectory() as scratch:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            results = list(pool.map(check, tasks(Hosts(sys.argv[1], sys.argv[2], scratch))))
    wrong = [result for result in results if result]
    print("\n".join(wrong))
    print(f"{len(results) - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong or not results else 0


sys.exit(main())
