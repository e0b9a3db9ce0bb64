#!/usr/bin/env python3
"""Goldens: what `happypath emit` says of each host here. SPDX-License-Identifier: Apache-2.0

A folder is a host: `arguments` says which (a word @FILE is a tree of a captured host that the
project does not carry, in ../shared/hosts; where it is absent, the host is left out). Every other
file is a golden, FORMAT.FORM or FORMAT.FORM+SURFACE[+SHARE]: what was written, and below it, behind
'#', what was said beside it and the exit status.

UPDATE_GOLDENS=1 writes what is said now, for each format and form there is; look at the difference.
"""
import concurrent.futures
import difflib
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

program, source = str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(sys.argv[2])
folder = source / "tests/emit"
captured = source.parent / "shared/hosts"
update = os.environ.get("UPDATE_GOLDENS") == "1"


def words(argument, scratch):
    """The arguments of a host; None where it is not to be had."""
    found = []
    for word in argument.split():
        if word.startswith("@"):
            archive = captured / word[1:]
            if not archive.exists():
                return None
            word = str(scratch / archive.name.split(".")[0])
            with tarfile.open(archive) as tar:
                tar.extractall(word)
        found.append(word)
    return found


def emit(host, name):
    """What is said for a golden of that name."""
    wish, *to = name.split("+")
    arguments = [program, "emit", wish.replace(".", ":", 1), *host]
    for option, word in zip(("--to", "--share"), to):
        arguments += [option, word]
    ran = subprocess.run(arguments, cwd=source, capture_output=True, text=True, timeout=60)
    said = [f"# {line}\n" for line in ran.stderr.splitlines()]
    gap = "" if not ran.stdout or ran.stdout.endswith("\n") else "\n"
    return ran.stdout + gap + "".join(said) + f"# exit {ran.returncode}\n"


def forms():
    listed = subprocess.run([program, "emit", "-o", "json"], cwd=source, capture_output=True, check=True)
    return [f"{row['format']}.{form}" for row in json.loads(listed.stdout)["formats"] for form in row["forms"].split()]


def check(task):
    host, path = task
    said = emit(host, path.name)
    if update:
        path.write_text(said)
        return None
    golden = path.read_text()
    if said == golden:
        return None
    there = str(path.relative_to(source))
    return "".join(difflib.unified_diff(golden.splitlines(True), said.splitlines(True), there, "now"))


def tasks(scratch):
    every = forms()
    for place in sorted(folder.iterdir()):
        if not (place / "arguments").exists():
            continue
        host = words((place / "arguments").read_text(), scratch)
        if host is None:
            print(f"{place.name}: left out, its tree is not here")
            continue
        goldens = {path.name for path in place.iterdir()} - {"arguments", "host.facts.json"}
        missing = set(every) - goldens
        if missing and not update:
            print(f"{place.name}: no golden yet of {', '.join(sorted(missing))}")
        for name in sorted(goldens | (set(every) if update else set())):
            yield host, place / name


def main():
    with tempfile.TemporaryDirectory() as scratch:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            results = list(pool.map(check, tasks(pathlib.Path(scratch))))
    wrong = [result for result in results if result]
    print("\n".join(wrong))
    print(f"{len(results) - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong or not results else 0


sys.exit(main())
