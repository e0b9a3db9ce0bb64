#!/usr/bin/env python3
# Holds the source to ARCHITECTURE.md: who includes whom, who opens files of the machine, who prints, and
# that facts and knowledge keep their words apart. SPDX-License-Identifier: Apache-2.0
import pathlib
import re
import sys

ALLOWED = {
    "base": {"base"},
    "host": {"base", "host"},
    "facts": {"base", "facts"},
    "probe": {"base", "host", "facts", "probe"},
    "judge": {"base", "facts", "judge"},
    "emit": {"base", "facts", "judge", "emit"},
    "step": {"base", "host", "step"},
    "plan": {"base", "facts", "judge", "step", "plan"},
    "apply": {"base", "host", "step", "plan", "apply"},
    "run": {"base", "emit", "run"},
}
# Calls that open something by its name. lib/host is the door; the others may read what is no part of the
# machine under judgement: the program's own knowledge.
OPENS = re.compile(r"\b(fopen|open|openat|openat2|opendir|readlink|stat|lstat|access|popen|system)\s*\(")
MAY_OPEN = {
    "lib/judge/knowledge.c": "the knowledge file and drop-ins",
    "lib/judge/load.c": "the knowledge file and drop-ins",
    "lib/apply/journal.c": "its own journal",
    "lib/apply/lock.c": "its own lock",
    "lib/run/guest.c": "what the kernel counts for a QEMU that it started",
    "lib/run/process.c": "/dev/null for a guest without input",
    "lib/run/bench.c": "whether a VMM is along PATH",
    "lib/run/vmlinux.c": "the kernel that a guest boots",
    "lib/probe/kvm-proof.c": "/dev/kvm for --prove-kvm, asked for by name",
    "lib/probe/nvml.c": "libnvidia-ml in its child, at level 2",
}
# Calls that change the machine go through lib/step alone; lib/apply tells the door to rehearse.
CHANGES = re.compile(r"\bhp_host_(write|replace_file|tidy_file|change_run)\s*\(")
PRINTS = re.compile(r"\b(printf|puts|perror|exit|err|errx|warn|warnx)\s*\(|\bfprintf\s*\(\s*(stderr|stdout)")
MAY_PRINT = {"lib/probe/nvml.c": "the child writes its answer to a pipe and leaves"}


def source_lines(path):
    comment = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = re.sub(r"//.*$|/\*.*?\*/", "", line)
        if comment:
            if "*/" not in line:
                continue
            line, comment = line.split("*/", 1)[1], False
        if "/*" in line:
            line, comment = line.split("/*", 1)[0], True
        yield number, re.sub(r'"(\\.|[^"\\])*"', '""', line) if "#include" not in line else line


def problems(root):
    for path in sorted((root / "lib").rglob("*.[ch]")):
        name, layer = str(path.relative_to(root)), path.relative_to(root).parts[1]
        if layer not in ALLOWED:
            yield f"{name}: no rule says what {layer} may include"
            continue
        for number, line in source_lines(path):
            include = re.match(r'\s*#include "(\w+)/', line)
            if include and include.group(1) not in ALLOWED[layer]:
                yield f"{name}:{number}: {layer} must not include {include.group(1)}"
            if OPENS.search(line) and layer != "host" and name not in MAY_OPEN:
                yield f"{name}:{number}: only lib/host opens files: {line.strip()}"
            if CHANGES.search(line) and layer not in ("host", "step"):
                yield f"{name}:{number}: only lib/step changes the machine: {line.strip()}"
            if PRINTS.search(line) and name not in MAY_PRINT:
                yield f"{name}:{number}: the library neither prints nor exits: {line.strip()}"
        first = path.read_text(encoding="utf-8").splitlines()[0]
        if not first.startswith("// ") or "SPDX-License-Identifier: Apache-2.0" not in path.read_text(encoding="utf-8"):
            yield f"{name}:1: expected '// purpose' and the SPDX line"


def main():
    root = pathlib.Path(sys.argv[1])
    found = list(problems(root))
    print("\n".join(found))
    files = len(list((root / "lib").rglob("*.[ch]")))
    print(f"figures: {files} files looked at, {len(found)} problems")
    sys.exit(1 if found or not files else 0)


if __name__ == "__main__":
    main()
