#!/usr/bin/env python3
# What `happypath plan` answers: by need, by name, on all test hosts; goal files; exit codes; the plan file
# against its schema and against itself. `test-plan.py HAPPYPATH SOURCE_ROOT`. SPDX-License-Identifier: Apache-2.0
import json
import os
import pathlib
import subprocess
import sys
import tempfile

PROGRAM, ROOT = sys.argv[1], pathlib.Path(sys.argv[2])
EXAMPLE = ROOT / "examples/8xh100-sxm.facts.json"
figures = {"plans": 0, "steps": 0, "validated": 0}


def run(*words, expect=0):
    done = subprocess.run([PROGRAM, "plan", *map(str, words)], capture_output=True, text=True,
                          env={**os.environ, "NO_COLOR": "1", "COLUMNS": "120"})
    expected = expect if isinstance(expect, tuple) else (expect,)
    assert done.returncode in expected, f"{words}: exit {done.returncode}, expected {expect}\n{done.stderr[-2000:]}"
    return done


EXITS = {"kept": 0, "broken": 3, "unknown": 4}


def plan(*words, **options):
    done = run(*words, "-o", "json", **options)
    document = json.loads(done.stdout)
    assert done.returncode == EXITS[document["wishes"]]
    figures["plans"] += 1
    figures["steps"] += len(document["steps"])
    validate(document)
    consistent(document)
    return document


def schema_validator():
    try:
        import jsonschema
    except ImportError:
        return None
    return jsonschema.Draft202012Validator(json.loads((ROOT / "docs/plan.schema.json").read_text()))


VALIDATOR = schema_validator()


def validate(document):
    if VALIDATOR:
        VALIDATOR.validate(document)
        figures["validated"] += 1


def consistent(document):
    """What holds within each plan."""
    seen, kinds = set(), []
    for step in document["steps"]:
        key = (step["kind"], step["subject"])
        assert key not in seen, f"{key} stands twice"
        seen.add(key)
        kinds.append(step["kind"])
        assert step["when"] == "now" or not step["lasts"], step
        assert step["before"] is None or step["before"] != step["after"], step
    grouped = [kind for i, kind in enumerate(kinds) if i == 0 or kinds[i - 1] != kind]
    assert len(grouped) <= len(set(kinds)) + 1, f"kinds are not walked in order: {grouped}"
    if document["candidates"]:
        first = document["candidates"][0]
        assert first["state"] == document["wishes"]
        assert all(w["state"] == "broken" for w in first["wishes"]) or document["wishes"] != "kept"
    if document["there"] or document["wishes"] == "broken":
        assert not document["steps"], "steps though there is nothing to walk"
    for candidate in document["candidates"]:
        if candidate["estimate"]:
            reckoned(candidate["estimate"])


def reckoned(estimate):
    """Sums are sums; a term that nobody knows leaves the upper bound open; every rate has its source."""
    terms = estimate["terms"]
    assert estimate["low_ms"] == sum(t["low_ms"] for t in terms)
    highs = [t["high_ms"] for t in terms]
    assert estimate["high_ms"] == (None if None in highs else sum(highs))
    for term in terms:
        assert term["high_ms"] is None or term["low_ms"] <= term["high_ms"], term
        assert term["source"] or (term["low_ms"] == 0 and term["high_ms"] is None), term
        assert term["reason"]


def name(candidate):
    return candidate["surface"], candidate["share"]


def test_slices_and_vm():
    """Thin slices, isolation by VM, the vendor's support: QEMU with MIG-backed vGPU, its licence, its distance."""
    document = plan("--facts", EXAMPLE, "--slices", 7, "--isolation", "vm", "--support", "vendor")
    first = document["candidates"][0]
    assert name(first) == ("qemu-vgpu", "mig-vgpu") and first["path"] == "on" and first["distance"] == "reboot", first
    assert any("licence" in cost["value"] for cost in first["costs"])
    assert len(first["accelerators"]) == 8
    assert document["steps"][0]["kind"] == "kernel-cmdline" and document["steps"][0]["want"] == "+intel_iommu=on"
    assert ("mig", "0000:19:00.0") in {(s["kind"], s["subject"]) for s in document["steps"]}
    assert any(a["fix"] == "install-vgpu-host" for a in document["advice"]), "the vGPU host driver is by hand"


def test_contradiction():
    """The same by Firecracker: no offer, what to drop, and the nearest."""
    document = plan("--facts", EXAMPLE, "--slices", 7, "--isolation", "vm", "--support", "vendor", "--vmm", "firecracker",
                    expect=3)
    first = document["candidates"][0]
    assert document["wishes"] == "broken" and not document["steps"]
    assert name(first) == ("qemu-vgpu", "mig-vgpu")
    assert [(w["wish"], w["value"]) for w in first["wishes"]] == [("--vmm", "firecracker")]
    text = run("--facts", EXAMPLE, "--slices", 7, "--isolation", "vm", "--support", "vendor", "--vmm", "firecracker",
               expect=3).stdout
    assert "Nearest is qemu-vgpu mig-vgpu, without --vmm firecracker." in text


def test_milliseconds():
    """A whole GPU in half a second: where the seconds go."""
    document = plan("--facts", EXAMPLE, "--to", "qemu-vfio:whole", "--boot-under", "500ms", expect=3)
    first = document["candidates"][0]
    estimate = first["estimate"]
    assert [w["wish"] for w in first["wishes"]] == ["--boot-under"]
    assert estimate["low_ms"] > 500 and estimate["high_ms"] is None
    assert estimate["guest_memory_bytes"] == 16 << 30 and not estimate["guest_memory_given"]
    terms = {t["term"]: t for t in estimate["terms"]}
    assert terms["map-bar"]["low_ms"] > terms["reset"]["low_ms"] >= 100
    given = plan("--facts", EXAMPLE, "--to", "qemu-vfio:whole", "--guest-memory", "64GiB")["candidates"][0]["estimate"]
    assert given["guest_memory_given"] and given["guest_memory_bytes"] == 64 << 30
    more = {t["term"]: t for t in given["terms"]}
    assert abs(more["pin-memory"]["low_ms"] - 4 * terms["pin-memory"]["low_ms"]) <= 4
    assert "16 GiB of memory, as nobody says" in run("--facts", EXAMPLE, "--to", "qemu-vfio").stdout


def test_time_wish():
    """Impossible only if the lower bound breaks it, kept only if the upper bound does, else nobody can tell."""
    assert plan("--facts", EXAMPLE, "--to", "qemu-vfio:whole", "--boot-under", "60m", expect=4)["wishes"] == "unknown"
    plan("--facts", EXAMPLE, "--isolation", "vm", "--boot-under", "1ms", expect=(3, 4))


def test_there():
    document = plan("--facts", EXAMPLE, "--to", "container:whole")
    assert document["there"] and not document["steps"] and not document["reboot"]
    assert "nothing is to be done" in run("--facts", EXAMPLE, "--to", "container:whole").stdout


def test_assert():
    run("--facts", EXAMPLE, "--to", "container:whole", "--assert")
    run("--facts", EXAMPLE, "--to", "qemu-vfio", "--assert", expect=3)
    run("--assume", "gpu=10de:2330", "--to", "container:whole", "--assert", expect=4)
    run("--facts", EXAMPLE, "--to", "firecracker", "--assert", expect=3)


def test_gpu():
    document = plan("--facts", EXAMPLE, "--to", "qemu-vfio", "--gpu", "3b:00.0", "--gpu", "00000000:4C:00.0")
    assert document["candidates"][0]["accelerators"] == ["0000:3b:00.0", "0000:4c:00.0"]
    assert {s["subject"] for s in document["steps"] if s["kind"] == "driver"} == {"0000:3b:00.0", "0000:4c:00.0"}
    with tempfile.TemporaryDirectory() as folder:
        facts = pathlib.Path(folder) / "facts.json"
        pf = {"address": "0000:41:00.0", "vendor": "10de", "device": "26b9", "class": "030200", "driver": "nvidia",
              "physical_function": "none"}
        facts.write_text(json.dumps({"schema": "happypath.facts/1", "host": "h", "facts": {"pci_function": [
            pf, {**pf, "address": "0000:41:00.4", "driver": "none", "physical_function": "0000:41:00.0"}]}}))
        vf = run("--facts", facts, "--to", "qemu-vfio", "--gpu", "0000:41:00.4", expect=(1, 2))
        assert "0000:41:00.4 is a VF, which is planned for with its PF 0000:41:00.0" in vf.stderr, vf.stderr
    done = run("--facts", EXAMPLE, "--to", "qemu-vfio", "--gpu", "0000:ff:00.0", expect=2)
    assert "0000:19:00.0" in done.stderr
    assert "0000:19:00.0" in plan("--facts", EXAMPLE, "--to", "qemu-vfio", "--gpu", 0)["candidates"][0]["accelerators"]


def test_share():
    document = plan("--facts", EXAMPLE, "--share", "mig:1g.10gb", "--isolation", "kernel", "--support", "vendor")
    assert name(document["candidates"][0]) == ("container", "mig")
    done = plan("--facts", EXAMPLE, "--to", "container:mig:1g.11gb", expect=3)
    assert "1g.10gb" in done["candidates"][0]["wishes"][0]["why"]


def test_confidential():
    document = plan("--facts", EXAMPLE, "--isolation", "confidential", expect=(0, 3, 4))
    for candidate in document["candidates"]:
        if candidate["state"] == "kept":
            assert candidate["isolation"] == "vm" and candidate["share"] == "whole"


def test_refusals():
    for words, said in ((["--to", "qemu-fvio"], "the surfaces are"), (["--slices", "0"], "a number from 1 on"),
                        (["--boot-under", "soon"], "500ms"), (["--isolation", "air"], "kernel, vm, confidential"),
                        (["--guest-memory", "much"], "64GiB"), (["--vmm", "none-such"], "there is no VMM"),
                        ([], "where to?"), (["--to", ""], "SURFACE")):
        done = run("--facts", EXAMPLE, *words, expect=2)
        assert said in done.stderr, (words, done.stderr)
    run("--facts", EXAMPLE, "--facts", EXAMPLE, "--to", "container", expect=2)
    run("--facts", "/none/such.json", "--to", "container", expect=1)


GOOD = """# thin slices of every GPU
slices: 7
isolation: vm
support: vendor
"""
BAD = ((b"to: qemu-vfio\nslices: many\n", ":2: slices 'many': expected a number"),
       (b"to: qemu-vfio\nvm: yes\n", ":2: 'vm': expected one of to, gpu,"), (b"- to\n", ":1: expected keys and values"),
       (b"guest-memory: 1G\n", "wishes for nothing"), (b"to: [\n", ":"), (b"to: {a: b}\n", ":1: to: expected a word"),
       (b"\xff\xfe\n", ""), (b"", ""))


def test_words_of_the_maker():
    """Advice in the words of the machine's firmware, where they are known; other ways out beside it."""
    words = ["--assume", "gpu=10de:2330", "--assume", "machine.vendor=Supermicro", "--assume", "iommu.state=off",
             "--assume", "iommu.firmware_table=none", "--assume", "cpu.vendor=intel", "--to", "qemu-vfio"]
    document = plan(*words, expect=(0, 4))
    advice = {a.get("fix"): a for a in document["advice"]}
    assert "VT-d" in advice["iommu-in-firmware"]["words"] and advice["iommu-in-firmware"]["words_source"]
    words[3] = "machine.vendor=Nobody"
    other = {a.get("fix"): a for a in plan(*words, expect=(0, 4))["advice"]}
    assert "words" not in other["iommu-in-firmware"]


def test_goal_files():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "goal.yaml"
        path.write_text(GOOD)
        assert plan("--facts", EXAMPLE, "--goal", path) == plan("--facts", EXAMPLE, "--slices", 7, "--isolation", "vm",
                                                                "--support", "vendor")
        other = pathlib.Path(folder) / "other.yaml"
        other.write_text("to: container:whole\ngpu: [0000:19:00.0, 0000:3b:00.0]\n")
        assert len(plan("--facts", EXAMPLE, "--goal", other)["candidates"][0]["accelerators"]) == 2
        run("--facts", EXAMPLE, "--goal", path, "--goal", other, "--assert", expect=3)
        run("--facts", EXAMPLE, "--goal", path, "--goal", other, "-o", "json", expect=2)
        run("--facts", EXAMPLE, "--goal", path, "--goal", other)
        for text, said in BAD:
            path.write_bytes(text)
            done = run("--facts", EXAMPLE, "--goal", path, expect=2)
            assert f"{path}" in done.stderr and said in done.stderr, (text, done.stderr)
        run("--facts", EXAMPLE, "--goal", path / "none", expect=2)


def test_states_of_a_root():
    """A host that can be read: states before and after, who is hurt, and a capture that says the same."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, ROOT / "tests/hosts/make-8xh100.py", folder, EXAMPLE], check=True,
                       capture_output=True)
        document = plan("--root", folder, "--to", "qemu-vfio", "--gpu", "0000:19:00.0")
        driver = next(s for s in document["steps"] if s["kind"] == "driver")
        assert driver["before"]["driver"] == "nvidia" and driver["after"]["driver"] == "vfio-pci", driver
        assert driver["when"] == "after-reboot", "the IOMMU is off"
        assert any(o["subject"] == "0000:19:00.0" for o in driver["obstacles"])
        capture = pathlib.Path(folder) / "host.capture"
        subprocess.run([PROGRAM, "capture", "--root", folder, "-o", capture], check=True, capture_output=True)
        again = plan("--capture", capture, "--to", "qemu-vfio", "--gpu", "0000:19:00.0")
        assert [(s["kind"], s["subject"], s["after"]) for s in again["steps"]] == \
               [(s["kind"], s["subject"], s["after"]) for s in document["steps"]]


def test_all_hosts():
    """Any surface on any host: an answer, a valid plan, and exit codes that say the same."""
    hosts = sorted([*(ROOT / "tests/incidents").glob("*.json"), *(ROOT / "tests/good").glob("*.json")])
    for at, host in enumerate(hosts):
        surface = ("qemu-vfio", "container", "qemu-vgpu", "kubernetes", "cloud-hypervisor")[at % 5]
        plan("--facts", host, "--to", surface, expect=(0, 3, 4))
    need = plan("--facts", hosts[0], "--isolation", "vm", "-o", "json", expect=(0, 3, 4))
    assert need["goal"]["isolation"] == "vm"


def test_forms():
    rows = run("--facts", EXAMPLE, "--isolation", "vm", "-o", "csv").stdout.splitlines()
    assert rows[0].startswith("surface,share,") and len(rows) > 20
    assert "happypath.plan/1" in run("--facts", EXAMPLE, "--to", "container", "-o", "yaml").stdout
    # nobody who does not say so wants a slice
    assert "The likeliest: container whole." in run("--assume", "gpu=10de:2330", "--to", "container", expect=4).stdout
    few = run("--facts", EXAMPLE, "--isolation", "vm").stdout
    assert len(run("--facts", EXAMPLE, "--isolation", "vm", "--all").stdout) > len(few)
    assert "\033" not in few


def main():
    tests = [test for key, test in sorted(globals().items()) if key.startswith("test_")]
    for test in tests:
        test()
    print(f"figures: {len(tests)} tests, {figures['plans']} plans with {figures['steps']} steps, "
          f"{figures['validated']} held against the schema")


if __name__ == "__main__":
    main()
