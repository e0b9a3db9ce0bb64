#!/usr/bin/env python3
# What `happypath` answers on the command line: the verdict against its schema and against itself, exit codes,
# bad input. `test-check.py HAPPYPATH SOURCE_ROOT`. SPDX-License-Identifier: Apache-2.0
import csv
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

PROGRAM, ROOT = sys.argv[1], pathlib.Path(sys.argv[2])
checks = 0


def run(*words, expect=0, stdin=None, **environment):
    done = subprocess.run([PROGRAM, *map(str, words)], input=stdin, capture_output=True, text=True,
                          env={**os.environ, "NO_COLOR": "1", **environment})
    assert done.returncode == expect, f"{words}: exit {done.returncode}, expected {expect}\n{done.stderr}"
    global checks
    checks += 1
    return done


def verdict(*words, **options):
    return json.loads(run("check", *words, "-o", "json", **options).stdout)


def offers(document, host=0):
    return {(o["surface"], o["share"]): o for a in document["hosts"][host]["accelerators"][:1] for o in a["offers"]}


def validate(document, name="verdict", part=None):
    """Against a schema or one of its parts, where python3-jsonschema is there."""
    try:
        import jsonschema
    except ImportError:
        return False
    schema = json.loads((ROOT / f"docs/{name}.schema.json").read_text())
    if part:
        schema = {"$ref": f"#/$defs/{part}", "$defs": schema["$defs"]}
    jsonschema.Draft202012Validator(schema).validate(document)
    return True


def consistent(document):
    """The definitions of DESIGN hold between an offer and its findings."""
    order = ["none", "live", "drain", "reload", "reboot", "firmware", "hardware"]
    for host in document["hosts"]:
        wide = {f["id"]: f for f in host["findings"]}
        for accelerator in host["accelerators"]:
            for offer in accelerator["offers"]:
                where = (host["host"], accelerator["address"], offer["surface"], offer["share"])
                own = {f["id"]: f for f in offer["findings"]}
                for blocking in offer["blocking"]:
                    finding = own.get(blocking) or wide.get(blocking)
                    assert finding and finding["result"] == "fail" and finding["impact"] == "blocks", (where, blocking)
                fails = [f for f in offer["findings"] if f["result"] == "fail" and f["impact"] == "blocks"]
                assert {f["id"] for f in fails} <= set(offer["blocking"]), where
                ready = offer["readiness"] == "ready"
                assert ready == (not offer["blocking"] and not offer["unknown"] and
                                 offer["surface"] not in NOT_PROBED), where
                assert (offer["distance"] == "none") == (not offer["blocking"]), where
                assert offer["distance"] in order and offer["summary"], where
                if any(f["fix"] is None for f in fails):
                    assert offer["readiness"] == "unreachable", where
                assert offer["path"] == "unknown" or offer["path_source"], where
                for cost in offer["costs"]:
                    assert cost["source"], where


with open(ROOT / "knowledge/matrices/surface.csv", newline="", encoding="utf-8") as file:
    NOT_PROBED = {row["surface"] for row in csv.DictReader(file) if row["probed"] == "0"}


def test_schema():
    validated, files = 0, sorted((ROOT / "tests/incidents").glob("*.json"))[:12] + \
        sorted((ROOT / "tests/good").glob("*.json"))
    document = verdict("--facts", *files)
    assert len(document["hosts"]) == len(files)
    validated += validate(document)
    consistent(document)
    everything = verdict("--facts", *files, "--all")
    consistent(everything)
    validated += validate(everything)
    findings = [f for h in everything["hosts"] for a in h["accelerators"] for o in a["offers"] for f in o["findings"]]
    assert any(f["result"] == "pass" for f in findings)
    assert not any(f["result"] == "pass" for h in document["hosts"] for a in h["accelerators"] for o in a["offers"]
                   for f in o["findings"])
    print(f"figures: {len(files)} hosts, {len(findings)} findings; validated by jsonschema: {'yes' if validated else 'no'}")


def test_assumed():
    """The questions asked before months are burned."""
    mig = offers(verdict("--assume", "gpu=10de:2330", "--assume", "vmm=cloud-hypervisor@53"))
    assert mig["cloud-hypervisor", "mig"]["path"] == "off"
    b200 = offers(verdict("--assume", "gpu=10de:2901", "--assume", "vmm=cloud-hypervisor@53"))
    assert b200["cloud-hypervisor", "whole"]["readiness"] == "unreachable"
    assert b200["cloud-hypervisor", "whole"]["blocking"]
    fire = offers(verdict("--assume", "gpu=10de:2330", "--assume", "vmm=firecracker@1.16.1"))
    assert fire["firecracker", "whole"]["path"] == "off"
    h100 = offers(verdict("--assume", "gpu=10de:2330"))["qemu-vfio", "whole"]
    assert h100["path"] == "on" and h100["readiness"] == "unknown" and h100["unknown"]
    assert h100["summary"].startswith("ready if: ")
    eight = verdict("--assume", "gpu=10de:2330x8")
    assert len(eight["hosts"][0]["accelerators"]) == 8 and eight["hosts"][0]["host"] == "assumed"
    assumed = json.dumps(verdict("--assume", "gpu=10de:2330", "--assume", "iommu=off"))
    assert "[assumed]" in assumed
    l40s = offers(verdict("--assume", "gpu=10de:26b9", "--assume", "vgpu-mode=vendor-vfio"))
    assert l40s["qemu-vgpu", "vgpu"]["path"] == "on"


def test_as_of():
    then = offers(verdict("--assume", "gpu=10de:2330", "--as-of", "2025-02-14"))
    paths = {surface: then[surface, share]["path"] for surface, share in
             [("container", "whole"), ("qemu-vfio", "whole"), ("qemu-vgpu", "vgpu"), ("esxi-vgpu", "vgpu"),
              ("cloud-hypervisor", "whole"), ("firecracker", "whole"), ("custom-vmm", "whole")]}
    assert paths == {"container": "on", "qemu-vfio": "on", "qemu-vgpu": "on", "esxi-vgpu": "on",
                     "cloud-hypervisor": "caution", "firecracker": "off", "custom-vmm": "off"}, paths
    for key, offer in then.items():
        if key[0] in NOT_PROBED:
            assert offer["readiness"] in ("unknown", "unreachable"), key


def test_foreign_hosts():
    """What this host's system does is nothing to ESXi, AHV, XenServer or Hyper-V: without an intent nothing but the
    device itself stands in their way."""
    document = verdict("--facts", ROOT / "examples/8xh100-sxm.facts.json")
    for (surface, share), offer in offers(document).items():
        if surface in NOT_PROBED and offer["path"] != "off":
            assert offer["readiness"] == "unknown" and offer["distance"] == "none", (surface, share, offer["blocking"])


def test_require():
    h100 = ("--assume", "gpu=10de:2330")
    run("check", *h100, "--require", "qemu-vfio:whole", expect=4)
    run("check", *h100, "--require", "firecracker:whole,path=caution", expect=3)
    run("check", *h100, "--require", "cloud-hypervisor,path=on", expect=3)
    run("check", "--assume", "gpu=10de:2901", "--require", "cloud-hypervisor:whole", expect=3)
    run("check", "--assume", "gpu=10de:2901", "--assume", "gpu=10de:2330", "--require", "cloud-hypervisor:whole", expect=4)
    run("check", "--assume", "gpu=10de:2901", "--assume", "gpu=10de:2330", "--require", "cloud-hypervisor:whole", "--all",
        expect=3)
    example = ("--facts", ROOT / "examples/8xh100-sxm.facts.json")
    run("check", *example, "--require", "container", expect=0)
    run("check", *example, "--require", "qemu-vgpu", expect=3)  # a whole GPU is no vGPU, whatever is ready
    run("check", "--assume", "memory=1T", "--require", "qemu-vfio", expect=4)
    run("check", "--facts", "-", "--require", "qemu-vfio", expect=4,
        stdin='{"schema": "happypath.facts/1", "host": "bare", "facts": {}}')
    assert "kubernetes-dra" in run("check", *h100, "--require", "nonesuch", expect=2).stderr
    run("check", *h100, "--require", "qemu-vfio,path=off", expect=2)
    assert "kubernetes-dra" in run("check", *h100, "--assume", "intent.surface=nonesuch", expect=2).stderr
    run("check", *h100, "--assume", "intent.surface=docker")
    run("check", *h100, "--assume", "intent.share=mig", "--assume", "intent.vmm=custom")
    for column, known in (("surface", "kubernetes-dra"), ("share", "time-slice"), ("vmm", "cloud-hypervisor")):
        refused = run("check", *h100, "--assume", f"intent.{column}=qemu-vifo", expect=2).stderr
        told = run("check", "--facts", "-", stdin=gpu_facts(intent={column: "qemu-vifo"})).stderr
        for text in (refused, told):
            assert f"there is no {column.replace('vmm', 'VMM')} 'qemu-vifo'" in text and known in text, text
        assert f"-: intent.{column}: there is no" in told, told


def test_assumptions_refused():
    """A mistake in an assumption is one of the command line: nothing is judged."""
    for assumption, word in (("gpu=H100x8", "10de:2330 (NVIDIA H100 80GB HBM3)"), ("gpu=1234:5678", "vendor 1234"),
                             ("vmm=firecraker@1.16", "firecracker"), ("board=none-such", "hgx-h100-8"),
                             ("iommu=maybe", "on|off"), ("nonesuch=1", "guest-memory"),
                             ("machine[x].vendor=Dell", "machine has one row a host and takes no key; expected machine.vendor=Dell")):
        for verb in (("check",), ("facts",), ("query", "SELECT 1"), ("explain", "iommu-on")):
            done = run(*verb, "--assume", assumption, expect=2)
            assert word in done.stderr and not done.stdout and done.stderr.count("--assume") == 1, (assumption, done)
    unknown = verdict("--assume", "gpu=10de:fffex2")["hosts"][0]["accelerators"]
    assert [a["kind"] for a in unknown] == ["gpu", "gpu"] and unknown[0]["name"] is None


def test_help():
    check = run("help", "check").stdout
    assert check == run("check", "--help").stdout and "guest-memory=SIZE" in check
    assert "write to this file" in run("capture", "--help").stdout and "capture" not in run("rules", "--help").stdout
    run("help", "nonesuch", expect=2)
    assert run("-V").stdout == run("--version").stdout


def test_nobody_reads():
    """Output that cannot be written is a failure; a reader that has enough is none worth a word."""
    h100 = ("--assume", "gpu=10de:2330")
    for words in (("--help",), ("--version",), ("check", "--help"), ("check", *h100), ("facts", "-o", "json", *h100),
                  ("query", "SELECT 1", "-o", "yaml", *h100), ("rules", "-o", "csv"), ("explain", "iommu-on", *h100)):
        with open("/dev/full", "w") as full:
            done = subprocess.run([PROGRAM, *words], stdout=full, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 1 and "cannot write" in done.stderr, (words, done)
        for ignore in (False, True):
            read, write = os.pipe()
            os.close(read)
            done = subprocess.run([PROGRAM, *words], stdout=write, stderr=subprocess.PIPE, text=True,
                                  preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN if ignore else signal.SIG_DFL),
                                  restore_signals=False)
            os.close(write)
            assert done.returncode and not done.stderr, (words, done)


def test_usage():
    assert "did you mean 'check'" in run("chekc", expect=2).stderr
    run("check", "--nonesuch", expect=2)
    run("check", "--level", "3", "--assume", "gpu=10de:2330", expect=2)
    run("check", "-o", "xml", expect=2)
    assert "--wake gpu0" in run("check", "--wake", "gpu0", expect=2).stderr
    run("check", "--wake", "3b:00.0")
    for day in ("yesterday", "2025-13-01", "2025-00-10", "2025-04-31", "2025-02-30", "2025-02-29", "2100-02-29"):
        run("check", "--as-of", day, expect=2)
    run("check", "--as-of", "2024-02-29", "--assume", "gpu=10de:2330")
    run("explain", expect=2)
    run("explain", "nonesuch", "--assume", "gpu=10de:2330", expect=2)
    assert run("--version").stdout.startswith("happypath ")
    for verb in ("check", "explain", "facts", "rules", "query", "surfaces", "capture"):
        assert "--knowledge" in run(verb, "--help").stdout
    run("check", "--knowledge", "/nonexistent", expect=1)
    run("check", expect=1, HAPPYPATH_KNOWLEDGE="/etc/passwd")


def test_bad_input():
    """A host that cannot be read is a message; the others are printed, and the exit code says so."""
    good = sorted((ROOT / "tests/good").glob("*.json"))[0]
    with tempfile.TemporaryDirectory() as folder:
        bad = pathlib.Path(folder, "bad.json")
        bad.write_text('{"schema": "happypath.facts/1", "facts": {')
        done = run("check", "--facts", bad, good, "-o", "json", expect=1)
        assert len(json.loads(done.stdout)["hosts"]) == 1 and f"{bad}:1" in done.stderr
        odd = pathlib.Path(folder, "odd.json")
        odd.write_text(json.dumps({"schema": "happypath.facts/1", "host": "x\x07y", "facts": {"pci_function": [
            {"address": "0000:01:00.0", "vendor": "10de", "device": "2330", "class": "030200", "flr": "many"}]}}))
        done = run("check", "--facts", odd, "-o", "json")
        assert "flr" in done.stderr and json.loads(done.stdout)["hosts"][0]["accelerators"]
    run("check", "--root", "/nonexistent", expect=1)
    run("check", "--capture", "/nonexistent", expect=1)
    two = json.loads(run("check", "--facts", good, good, "-o", "json").stdout)["hosts"]
    assert len({host["host"] for host in two}) == 2


def gpu_facts(observed=None, **tables):
    gpu = {"address": "0000:01:00.0", "vendor": "10de", "device": "2330", "class": "030200", "driver": "vfio-pci"}
    return json.dumps({"schema": "happypath.facts/1", "host": "h", "facts": {"pci_function": [gpu], **tables},
                       "observed": observed or {}})


def query(sql, facts):
    return json.loads(run("query", sql, "--facts", "-", "-o", "json", stdin=facts).stdout)["rows"]


def test_partial():
    """What was seen in part says nothing of the whole."""
    bar = {"address": "0000:01:00.0", "kind": "bar", "bar": 0, "size_bytes": 1 << 24, "bits64": 0}
    sizes = "SELECT largest_bar_bytes AS largest, bar_bytes AS total FROM accelerator"
    assert query(sizes, gpu_facts(pci_bar=[bar])) == [{"largest": 1 << 24, "total": 1 << 24}]
    none = [{"largest": None, "total": None}]
    assert query(sizes, gpu_facts(pci_bar=[bar], observed={"pci_bar": "partial"})) == none
    assert query(sizes, gpu_facts(pci_bar=[bar, {**bar, "bar": 1, "size_bytes": None}])) == none
    empty = {"schema": "happypath.facts/1", "host": "h", "facts": {"pci_function": []}}
    found = lambda facts: [f for f in verdict("--facts", "-", "--all", stdin=json.dumps(facts))["hosts"][0]["findings"]
                           if f["rule"] == "open-driver-stays-away"]
    assert found(empty)[0]["result"] == "pass"
    assert found({**empty, "observed": {"pci_function": "partial"}})[0]["result"] == "unknown"


def test_refused_rows():
    """What was refused of a table leaves it in part seen; what says nothing clear makes nothing complete."""
    state = "SELECT state FROM observed WHERE tbl = 'pci_function'"
    facts = json.loads(gpu_facts())
    gpu = facts["facts"]["pci_function"][0]
    assert query(state, gpu_facts()) == [{"state": "complete"}]
    for wrong in ({"adress": "0000:01:00.1"}, {"address": None}, "0000:01:00.1", {**gpu, "driver": "nvidia"}):
        odd = {**facts, "facts": {"pci_function": [gpu, wrong]}}
        for observed in ({}, {"pci_function": "complete"}):
            assert query(state, json.dumps({**odd, "observed": observed})) == [{"state": "partial"}], wrong
        assert query("SELECT driver FROM pci_function", json.dumps(odd)) == [{"driver": "vfio-pci"}]
    for wrong in ({"observd": {"pci_function": "partial"}}, {"observed": "partial"}, {"observed": ["pci_function"]}):
        done = run("query", state, "--facts", "-", "-o", "json", stdin=json.dumps({**facts, **wrong}))
        assert "is not understood" in done.stderr and json.loads(done.stdout)["rows"] == [], wrong
    size = lambda bytes: [{"address": gpu["address"], "kind": "bar", "bar": n, "size_bytes": bytes} for n in range(6)]
    huge = verdict("--facts", "-", stdin=gpu_facts(pci_bar=size((1 << 63) - 1)))
    assert huge["hosts"][0]["accelerators"]
    negative = query("SELECT size_bytes FROM pci_bar", gpu_facts(pci_bar=size(-1)))
    assert all(row["size_bytes"] is None for row in negative)


def test_hostile_text():
    """What a host says of itself never reaches a terminal as it is."""
    evil = "x\x1b[2J\x9b31m\x07"
    facts = json.loads(gpu_facts(machine={"vendor": evil}))
    facts["host"] = facts["facts"]["pci_function"][0]["driver"] = evil
    facts[evil] = 1
    for words in (("check",), ("check", "--all"), ("explain", "01:00.0"), ("facts",), ("facts", "-o", "csv")):
        done = run(*words, "--facts", "-", stdin=json.dumps(facts))
        assert not set("\x1b\x9b\x07") & set(done.stdout + done.stderr), words


def test_one_line():
    """A newline in what a host says of itself begins no line of ours, wherever it stands."""
    evil = "x\nFAKE y\rFAKE"
    gpu = {"driver": evil, "reset_methods": evil, "iommu_group": evil, "slot": evil}
    tables = {"machine": {"vendor": evil}, "kernel": {"release": evil, "cmdline": evil}, "module": [{"name": evil}],
              "software": [{"name": "qemu", "version": evil}, {"name": evil}], "intent": {"surface": evil, "vgpu_type": evil},
              "setting": [{"component": "docker", "name": evil, "value": evil}], "service": [{"service": evil}]}
    facts = json.loads(gpu_facts(**tables))
    facts["facts"]["pci_function"][0].update(gpu)
    facts["host"] = facts["gap"] = evil
    facts[evil] = facts["facts"][evil] = facts["observed"][evil] = 1
    text = json.dumps(facts)
    for words in (("check",), ("check", "--all"), ("check", "-o", "wide"), ("explain", "01:00.0"), ("explain", "qemu-vfio"),
                  ("facts", "--all"), ("plan", "--to", "qemu-vfio")):
        done = subprocess.run([PROGRAM, *words, "--facts", "-"], input=text, capture_output=True, text=True)
        lines = (done.stdout + done.stderr).split("\n")
        assert any("FAKE" in line for line in lines), words
        assert not [line for line in lines if line.strip().startswith("FAKE") or "\r" in line], (words, lines)


def test_listings():
    header = run("query", "SELECT 'a,b' AS \"c,d\"", "--assume", "gpu=10de:2330", "-o", "csv").stdout
    assert list(csv.reader(io.StringIO(header))) == [["c,d"], ["a,b"]]
    assert query("SELECT CAST(1 AS TEXT) || char(56832) AS t", gpu_facts())[0]["t"].startswith("1")


def test_names_of_columns():
    """Two columns of one name are two; YAML's keys are text, whatever they look like."""
    twice = query("SELECT 1 AS a, 2 AS a, 3 AS \"a:2\", 4 AS a FROM accelerator", gpu_facts())
    assert twice == [{"a": 1, "a:2": 2, "a:2:2": 3, "a:3": 4}]
    sql = 'SELECT 1 AS "b: c", 2 AS "no", 3 AS "7", 4 AS "", 5 AS "- x", 6 AS "plain_one", 7 AS "é""#" FROM accelerator'
    text = run("query", sql, "--facts", "-", "-o", "yaml", stdin=gpu_facts()).stdout
    assert text.splitlines()[2:] == ['- "b: c": 1', '  "no": 2', '  "7": 3', '  "": 4', '  "- x": 5', "  plain_one: 6",
                                     '  "é\\"#": 7']


def test_forms():
    h100 = ("--assume", "gpu=10de:2330x8")
    table = run("check", *h100).stdout
    assert "8 × NVIDIA H100" in table and ": one verdict" in table and "\033" not in table
    for surface in ("container", "kubernetes", "qemu-vfio", "qemu-vgpu", "esxi-vgpu", "esxi-passthrough",
                    "cloud-hypervisor", "firecracker", "custom-vmm"):
        assert f" {surface} " in table, surface
    narrow = run("check", *h100, COLUMNS="80").stdout
    assert max(map(len, narrow.splitlines())) <= 80
    rows = list(csv.DictReader(io.StringIO(run("check", *h100, "-o", "csv").stdout)))
    assert {row["surface"] for row in rows} >= {"container", "kata", "slurm"} and len({r["address"] for r in rows}) == 8
    assert run("check", *h100, "-o", "yaml").stdout.startswith('schema: "happypath.verdict/1"')
    assert "qemu-vfio" in run("check", *h100, "-o", "wide").stdout


def test_facts_and_query():
    good = sorted((ROOT / "tests/good").glob("*.json"))[0]
    exported = run("facts", "--facts", good, "-o", "json").stdout
    again = verdict("--facts", "-", stdin=exported)
    first = verdict("--facts", good)
    strip = lambda d: [(o["surface"], o["share"], o["path"], o["readiness"], o["distance"], sorted(f["id"] + f["result"] for f in o["findings"]))
                       for h in d["hosts"] for a in h["accelerators"] for o in a["offers"]]
    assert strip(first) == strip(again)
    rows = json.loads(run("query", "SELECT surface, count(*) AS n FROM support GROUP BY surface", "--facts", good, "-o",
                          "json").stdout)["rows"]
    assert rows and all(isinstance(row["n"], int) for row in rows)
    assert "not allowed" in run("query", "DELETE FROM support", "--facts", good, expect=1).stderr
    assert "# accelerator" in run("facts", "accelerator", "--facts", good).stdout
    run("facts", "nonesuch", "--facts", good, expect=2)


def test_explain():
    rules = json.loads(run("rules", "-o", "json").stdout)["rules"]
    assert rules and all(rule["reference"] and rule["title"] for rule in rules)
    h100 = ("--assume", "gpu=10de:2330")
    text = run("explain", rules[0]["id"], *h100).stdout
    assert rules[0]["title"] in text and "source" in text
    assert "path      on" in run("explain", "qemu-vfio", *h100).stdout
    finding = next(f for o in offers(verdict(*h100)).values() for f in o["findings"])
    assert finding["evidence"] in run("explain", finding["id"], *h100).stdout
    address = verdict(*h100)["hosts"][0]["accelerators"][0]["address"]
    assert address in run("explain", address[5:], *h100).stdout
    assert "way out of" in run("explain", next(f["fix"] for o in offers(verdict(*h100)).values()
                                             for f in o["findings"] if f["fix"]), *h100).stdout


def test_explain_json():
    """Each kind of ID as JSON tells what the text tells."""
    h100 = ("--assume", "gpu=10de:2330", "--assume", "gpu=10de:2330", "--assume", "iommu=off")
    failing = next(f for o in offers(verdict(*h100)).values() for f in o["findings"] if f["result"] == "fail" and f["fix"])
    kinds = {"iommu-on": "rule", failing["id"]: "rule", failing["fix"]: "fix", "qemu-vfio": "surface",
             "qemu-vfio:whole": "surface", "0000:10:00.0": "accelerator"}
    for ident, kind in kinds.items():
        document = json.loads(run("explain", ident, *h100, "-o", "json").stdout)
        validate(document, "explain")
        assert document["kind"] == kind and document["id"] == ident
        text = run("explain", ident, *h100).stdout
        for rule in document["rules"]:
            assert rule["id"] in text and rule["title"] in text
            for finding in rule.get("findings", []):
                validate(finding, part="finding")
                assert finding["rule"] == rule["id"] and finding["evidence"] in text and finding["host"] == "assumed"
        for accelerator in document["accelerators"]:
            assert accelerator["address"] in text
            for offer in accelerator.get("offers", []):
                validate(offer, part="offer")
                assert f"{offer['surface']}:{offer['share']}" in text
            for finding in accelerator.get("findings", []):
                assert finding["result"] == "pass" or finding["id"] in text
    finding = json.loads(run("explain", failing["id"], *h100, "-o", "json").stdout)["rules"][0]["findings"]
    assert [f["id"] for f in finding] == [failing["id"]]
    whole = json.loads(run("explain", "qemu-vfio:whole", *h100, "-o", "json").stdout)["accelerators"]
    assert len(whole) == 1 and [o["share"] for o in whole[0]["offers"]] == ["whole"]
    run("explain", "qemu-vfio:nonesuch", *h100, expect=2)
    run("explain", "qemu-vfio", *h100, "-o", "csv", expect=2)
    assert run("explain", "qemu-vfio", *h100, "-o", "yaml").stdout.startswith('schema: "happypath.explain/1"')


def test_diff_with_redacted():
    """Then and now: what a capture hides is hidden on the live side alike. Only root can read the key."""
    if os.geteuid() != 0:
        return
    with tempfile.TemporaryDirectory() as folder:
        capture = pathlib.Path(folder, "host.capture")
        run("capture", "-o", capture)
        differences = json.loads(run("diff", capture, "-o", "json").stdout)["differences"]
        assert not [d for d in differences if d["table"] in ("kernel", "cmdline_option", "pci_function")], differences


def test_where_a_capture_goes():
    """Links that others put beside it are not followed, and what is no file stays what it is."""
    with tempfile.TemporaryDirectory() as folder:
        root, victim, pipe = (pathlib.Path(folder, name) for name in ("root", "victim", "pipe"))
        (root / "etc").mkdir(parents=True)
        (root / "etc/hostname").write_text("h\n")
        victim.write_text("theirs")
        for name in ("new.tmp", "link"):
            pathlib.Path(folder, name).symlink_to(victim)
        run("capture", "--root", root, "-o", pathlib.Path(folder, "new"))
        run("capture", "--root", root, "-o", pathlib.Path(folder, "link"))
        assert victim.read_text() == "theirs"
        os.mkfifo(pipe)
        with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True) as reader:
            run("capture", "--root", root, "-o", pipe)
            assert reader.communicate(timeout=30)[0].startswith("happypath.capture/1")
        assert pipe.is_fifo()
        assert "Is a directory" in run("capture", "--root", root, "-o", folder, expect=1).stderr
        assert sorted(p.name for p in pathlib.Path(folder).iterdir()) == ["link", "new", "new.tmp", "pipe", "root", "victim"]


for name, test in sorted(globals().copy().items()):
    if name.startswith("test_"):
        test()
print(f"figures: {checks} runs of the program")
