#!/usr/bin/env python3
# Reads schema.sql (its head tells the format) and prints one of: the enum and table of columns for C,
# the PostgreSQL schema, docs/facts.md. SPDX-License-Identifier: Apache-2.0
import csv
import re
import sys

TABLE = re.compile(r"^CREATE TABLE (\w+) \($")
COLUMN = re.compile(r"^  (\w+) (TEXT|INTEGER)( NOT NULL)?, -- (.*)$")
KEY = re.compile(r"^  PRIMARY KEY \(([\w, ]+)\)$")


class Column:
    def __init__(self, name, kind, required, comment):
        self.name, self.kind, self.required = name, kind, required
        origin = re.search(r"\s*@(\S+)$", comment)
        self.origin = origin.group(1) if origin else ""
        comment = comment[: origin.start()] if origin else comment
        domain = re.search(r"\s*\{([^}]*)\}$", comment)
        self.domain = domain.group(1) if domain else ""
        self.doc = comment[: domain.start()] if domain else comment


class Table:
    def __init__(self, name, doc, scope, derived):
        self.name, self.doc, self.scope, self.derived = name, doc, scope, derived
        self.columns, self.key = [], []


def parse(path):
    tables, doc, scope, derived, table = [], [], "", False, None
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        line = line.rstrip("\n")
        if line.startswith("-- == derived =="):
            derived, doc = True, []
        elif line.startswith("-- observed: "):
            scope = line[13:].strip("'")
        elif line.startswith("-- ") and table is None:
            doc.append(line[3:])
        elif TABLE.match(line):
            table = Table(TABLE.match(line).group(1), " ".join(doc), scope, derived)
        elif COLUMN.match(line) and table:
            name, kind, required, comment = COLUMN.match(line).groups()
            column = Column(name, kind, bool(required), comment)
            table.columns.append(column)
            if column.domain == "version":
                key = Column(name + "_key", "TEXT", False, f"sort key of {name}, filled in by happypath")
                key.domain = "key"
                table.columns.append(key)
        elif KEY.match(line) and table:
            table.key = KEY.match(line).group(1).split(", ")
        elif line == ");" and table:
            tables.append(table)
            table, doc, scope = None, [], ""
        elif line == "" and table is None:
            doc = []
        elif line != "--":
            sys.exit(f"{path}:{number}: not in the format that the head of the file tells: {line}")
    return tables


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def header(tables):
    print("// Made by schema.py from schema.sql. SPDX-License-Identifier: Apache-2.0\n#pragma once\n")
    print("enum hp_tbl {")
    for t in tables:
        print(f"\tHP_TBL_{t.name.upper()},")
    print("\tHP_TBL_COUNT\n};\n")
    for t in tables:
        print("enum {")
        for i, c in enumerate(t.columns):
            print(f"\tHP_{t.name.upper()}_{c.name.upper()} = {i},")
        print("};\n")


def source(tables):
    print("// Made by schema.py from schema.sql. SPDX-License-Identifier: Apache-2.0")
    print('#include "facts/schema.h"\n#include "facts/tables.h"\n')
    for t in tables:
        print(f"static const struct hp_column_def {t.name}_columns[] = {{")
        for c in t.columns:
            print(f"\t{{.name = {quote(c.name)}, .integer = {int(c.kind == 'INTEGER')}, .required = {int(c.required)}, "
                  f".key = {int(c.name in t.key)}, .domain = {quote(c.domain)}, .origin = {quote(c.origin)}, "
                  f".doc = {quote(c.doc)}}},")
        print("};\n")
    print("const struct hp_table_def hp_tables[] = {")
    for t in tables:
        print(f"\t[HP_TBL_{t.name.upper()}] = {{.name = {quote(t.name)}, .scope = {quote(t.scope)}, "
              f".derived = {int(t.derived)}, .doc = {quote(t.doc)}, .columns = {t.name}_columns, "
              f".column_count = {len(t.columns)}}},")
    print("};\n")
    print(f"const size_t hp_table_count = {len(tables)};\n")
    print("const char *const hp_schema_sqlite[] = {")
    for t in tables:
        print(f"\t{quote(ddl(t, 'sqlite'))},")
    print("};")


def ddl(t, engine):
    kinds = {"TEXT": "TEXT", "INTEGER": "INTEGER"} if engine == "sqlite" else \
        {"TEXT": 'TEXT COLLATE "C"', "INTEGER": "BIGINT"}
    columns = ", ".join(f"{c.name} {kinds[c.kind]}{' NOT NULL' if c.required else ''}" for c in t.columns)
    tail = " STRICT, WITHOUT ROWID" if engine == "sqlite" else ""
    return f"CREATE TABLE {t.name} ({columns}, PRIMARY KEY ({', '.join(t.key)})){tail};"


# Rows that a table has on a large host: what the planner is told instead of counting at each start.
TYPICAL = {"pci_function": 500, "pci_bar": 1500, "pci_ancestor": 300, "iommu_group": 200, "iommu_group_member": 20,
           "iommu_group_function": 40, "observed": 800, "accelerator": 24, "module": 80, "service": 40, "software": 60,
           "setting": 60, "vgpu_type": 200, "origin": 100, "gap": 30, "cmdline_option": 30, "module_directive": 60}


def statistics(t):
    """A row of sqlite_stat1: rows, then how many of them share each longer prefix of the key."""
    rows = TYPICAL.get(t.name, 1 if t.key == ["host"] else 12)
    shared = [rows] + [min(rows, 3)] * (len(t.key) - 2) + [1] if len(t.key) > 1 else [1]
    return " ".join(map(str, [rows, *shared]))


def image(tables):
    """The empty SQLite store with its statistics, as the bytes of a file."""
    import os
    import sqlite3
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "image")
        db = sqlite3.connect(path)
        for t in tables:
            db.execute(ddl(t, "sqlite"))
        db.execute("ANALYZE")
        for t in tables:
            db.execute("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", (t.name, t.name, statistics(t)))
        db.commit()
        db.execute("VACUUM")
        db.close()
        sys.stdout.buffer.write(open(path, "rb").read())


def postgresql(tables):
    print("-- Made by schema.py from schema.sql. SPDX-License-Identifier: Apache-2.0")
    for t in tables:
        print(ddl(t, "postgresql"))


def settings(path):
    print("\n## Settings that rules read\n\nRows of the table `setting`.\n\n| component | name | meaning |\n|---|---|---|")
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            print(f"| `{row['component']}` | `{row['name']}` | {row['meaning'].replace('|', chr(92) + '|')} |")


def surfaces(path):
    print("\n## Surfaces and shares\n\nThe words for `intent.surface`:\n\n| surface | what it is |\n|---|---|")
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            print(f"| `{row['surface']}` | {row['title']} |")
    print("\nand for `intent.share`: `whole` (the function as it is), `vf` (an SR-IOV VF, also of a NIC), `mig` (a MIG instance), "
          "`vgpu` (NVIDIA vGPU, GVT-g, or any other mediated device; by QEMU or libvirt the surface is `qemu-vgpu`), `mig-vgpu`, "
          "`partition` (of an AMD or Intel GPU), `time-slice`, `mps`. Docker and Podman are `container`, a pod that asks for "
          "`nvidia.com/gpu` is `kubernetes`, libvirt and Unraid are `qemu-vfio`; Proxmox VE, KubeVirt, OpenStack and Kata have "
          "their own.")


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def matrices(tables):
    """The tables of matrices.sql for SQLite, and a table of their columns that the loader of CSV reads."""
    print("CREATE TABLE matrix_column (tbl TEXT, position INTEGER, name TEXT, type TEXT, required INTEGER, "
          "key INTEGER, domain TEXT, doc TEXT, PRIMARY KEY (tbl, position)) STRICT, WITHOUT ROWID;")
    for t in tables:
        print(ddl(t, "sqlite"))
        for i, c in enumerate(t.columns):
            print(f"INSERT INTO matrix_column VALUES ({literal(t.name)}, {i}, {literal(c.name)}, '{c.kind}', "
                  f"{int(c.required)}, {int(c.name in t.key)}, {literal(c.domain)}, {literal(c.doc)});")


def markdown(tables, intro, known_settings=None, known_surfaces=None):
    print(open(intro, encoding="utf-8").read().rstrip("\n"))
    if known_surfaces:
        surfaces(known_surfaces)
    if known_settings:
        settings(known_settings)
    print("\n## Tables\n")
    for t in tables:
        if t.derived:
            continue
        scope = f"one state a value of `{t.scope}`" if t.scope else "one state for the whole table"
        print(f"### {t.name}\n\n{t.doc}\n\nKey: `{', '.join(k for k in t.key if k != 'host') or 'one row'}`. "
              f"Observed: {scope}.\n\n| column | type | meaning | where the probe reads it |\n|---|---|---|---|")
        for c in t.columns:
            if c.name == "host" or c.domain == "key":
                continue
            domain = {"": "", "version": " (a version)", "address": "", "0|1": " (0 or 1)",
                      "hex2": "", "hex4": "", "hex6": ""}.get(
                c.domain, ". One of: " + ", ".join(f"`{d}`" for d in c.domain.split("|")) + ".")
            kind = "number" if c.kind == "INTEGER" else "text"
            print(f"| `{c.name}` | {kind} | {c.doc.replace('|', chr(92) + '|')}{domain} | {'`' + c.origin + '`' if c.origin else ''} |")
        print()
    print("## Derived tables\n\nComputed from the others; rules read them, a facts file must not hold them.\n")
    for t in tables:
        if t.derived:
            print(f"### {t.name}\n\n{t.doc}\n\n| column | type | meaning |\n|---|---|---|")
            for c in t.columns:
                if c.name != "host" and c.domain != "key":
                    print(f"| `{c.name}` | {'number' if c.kind == 'INTEGER' else 'text'} | {c.doc} |")
            print()


if __name__ == "__main__":
    what, path = sys.argv[1], sys.argv[2]
    parsed = parse(path)
    if what == "markdown":
        markdown(parsed, *sys.argv[3:])
    else:
        {"header": header, "source": source, "postgresql": postgresql, "matrices": matrices, "image": image}[what](parsed)
