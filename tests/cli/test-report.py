#!/usr/bin/env python3
# `happypath report`: a page that needs nothing else and lets nothing through, and test cases that fail where the
# requirement does. `test-report.py HAPPYPATH SOURCE_ROOT`. SPDX-License-Identifier: Apache-2.0
import html.parser
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

PROGRAM, ROOT = sys.argv[1], pathlib.Path(sys.argv[2])
EXAMPLE = ROOT / "examples/8xh100-sxm.facts.json"
HOSTILE = "<script>alert(\"1\")</script><img src=x onerror='alert(2)'>&"
VOID = {"meta", "br", "img", "link", "hr", "input"}


def run(*words, expect=0):
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"})
    assert done.returncode == expect, f"{words}: exit {done.returncode}, expected {expect}\n{done.stderr}"
    return done.stdout


class Page(html.parser.HTMLParser):
    """The elements of a page as a browser sees them, their nesting, ids, and what they would fetch."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.ids, self.targets, self.fetches, self.text = [], [], [], [], [], []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.elements.append(tag)
        assert not any(name.startswith("on") for name in attrs), (tag, attrs)
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.targets += [attrs["href"][1:]] if attrs.get("href", "").startswith("#") else []
        self.fetches += [attrs[a] for a in ("src", "srcset", "data", "action", "poster") if a in attrs]
        self.fetches += [attrs["href"]] if tag == "link" else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert tag in VOID or self.open.pop() == tag, (tag, self.open)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_data(self, data):
        self.text.append(data)


def look(text):
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>") and not page.fetches, page.fetches
    assert not {"script", "iframe", "object", "embed", "link", "img"} & set(page.elements)
    style = "".join(re.findall(r"<style>(.*?)</style>", text, re.S))
    assert "prefers-color-scheme: dark" in style and "@media print" in style
    assert "@import" not in style and "url(" not in style
    assert set(page.targets) <= set(page.ids), set(page.targets) - set(page.ids)
    assert len(page.ids) == len(set(page.ids)), "an id twice"
    return page, " ".join(page.text)


def test_page():
    page, text = look(run("report", "--facts", EXAMPLE))
    verdict = json.loads(run("check", "--facts", EXAMPLE, "-o", "json"))
    assert verdict == json.loads(run("report", "--facts", EXAMPLE, "-o", "json"))
    host = verdict["hosts"][0]
    assert page.elements.count("h1") == 1 and "8 × NVIDIA H100 80GB HBM3 [10de:2330]" in text
    surfaces = ["container", "kubernetes", "qemu-vfio", "qemu-vgpu", "esxi-vgpu", "esxi-passthrough", "cloud-hypervisor",
                "firecracker", "custom-vmm"]
    assert all(s in text for s in surfaces), [s for s in surfaces if s not in text]
    findings = {f["id"]: f for f in host["findings"]}
    for accelerator in host["accelerators"]:
        assert accelerator["address"] in text
        for offer in accelerator["offers"]:
            findings |= {f["id"]: f for f in offer["findings"]}
    whole = re.sub(r"\s+", " ", text)
    for finding in findings.values():
        for part in (finding["evidence"], finding["resolution"], finding["title"], *finding["origin"]):
            assert re.sub(r"\s+", " ", part) in whole, part
    assert verdict["knowledge"]["version"] in text and f"({verdict['knowledge']['age_days']} days old)" in text
    print(f"figures: {len(findings)} findings on the page, {len(page.elements)} elements, {len(page.targets)} links within")
    return page


def test_requirement():
    met = run("report", "--facts", EXAMPLE, "--require", "container:whole")
    assert "Required: container:whole, of any accelerator: met" in met
    not_met = run("report", "--facts", EXAMPLE, "--require", "qemu-vfio", expect=3)
    assert "Required: qemu-vfio, of any accelerator: not met" in not_met
    run("report", "--require", "nowhere", "--facts", EXAMPLE, expect=2)
    run("report", "--require", "qemu-vfio,path=no", "--facts", EXAMPLE, expect=2)
    run("report", "-o", "pdf", expect=2)


def hostile_facts():
    return {"schema": "happypath.facts/1", "host": HOSTILE, "facts": {
        "machine": {"vendor": HOSTILE, "product": "</dd></dl><script>", "distribution_name": "]]>\u0001\ufffe<!--"},
        "kernel": {"cmdline": f"quiet {HOSTILE}", "release": "6.8.0"},
        "gap": [{"what": f"/sys/{HOSTILE}", "why": HOSTILE, "kind": "malformed"}],
        "pci_function": [{"address": "0000:01:00.0", "vendor": "10de", "device": "2330", "class": "030200",
                          "driver": HOSTILE, "parent": "none", "iommu_group": "1\"><script>", "header_type": "endpoint",
                          "physical_function": "none"}]}}


def test_hostile(folder):
    file = pathlib.Path(folder) / "hostile.json"
    file.write_text(json.dumps(hostile_facts()))
    page, text = look(run("report", "--facts", file))
    for word in (HOSTILE, f"quiet {HOSTILE}", f"/sys/{HOSTILE}", f"0000:01:00.0 is bound to {HOSTILE}"):
        assert word in text, word
    junit = run("report", "--facts", file, "--require", "qemu-vfio", "-o", "junit", expect=3)
    suite = ElementTree.fromstring(junit.encode())[0]
    assert suite.get("name") == f"happypath {HOSTILE}"
    return file


def cases(*words, expect=0):
    root = ElementTree.fromstring(run("report", *words, "-o", "junit", expect=expect).encode())
    found = {}
    for suite in root:
        listed = suite.findall("testcase")
        count = {kind: sum(c.find(kind) is not None for c in listed) for kind in ("failure", "skipped")}
        assert suite.get("tests") == str(len(listed)) and suite.get("failures") == str(count["failure"])
        assert suite.get("skipped") == str(count["skipped"]) and suite.get("errors") == "0"
        for case in listed:
            key = (case.get("classname"), case.get("name"))
            assert key not in found, key
            found[key] = case
    return found


def outcome(case):
    return case[0].tag if len(case) else "passed"


def test_junit():
    """Failures if and only if the exit code is 3, and only of what is required."""
    usual = cases("--facts", EXAMPLE)
    assert len(usual) == 8 * 9
    assert {s for (_, s), c in usual.items() if outcome(c) == "passed"} == {"container"}
    assert not any(outcome(c) == "failure" for c in usual.values())
    required = cases("--facts", EXAMPLE, "--require", "qemu-vfio:whole", expect=3)
    assert {outcome(c) for (_, s), c in required.items() if s == "qemu-vfio"} == {"failure"}
    assert {outcome(c) for (_, s), c in required.items() if s != "qemu-vfio"} == {"skipped"}
    failure = next(c for (_, s), c in required.items() if s == "qemu-vfio")[0]
    assert failure.get("type") == "reachable" and "intel_iommu=on" in failure.get("message")
    assert "is bound to nvidia, not to vfio-pci" in failure.text and "kernel:Documentation" in failure.text
    met = cases("--facts", EXAMPLE, "--require", "container,path=on", "--all")
    assert sum(outcome(c) == "passed" for c in met.values()) == 8
    unknown = cases("--assume", "gpu=10de:2330", "--require", "qemu-vfio", expect=4)
    assert not any(outcome(c) == "failure" for c in unknown.values())
    assert "ready if" in next(c for (_, s), c in unknown.items() if s == "qemu-vfio")[0].get("message")
    nothing = cases("--assume", "iommu=on", "--require", "qemu-vfio", expect=4)
    assert [outcome(c) for c in nothing.values()] == ["skipped"]
    other = cases("--facts", EXAMPLE, "--require", "kata", expect=3)
    assert sum(s == "kata" for _, s in other) == 8


def test_any_and_each(folder):
    """Where any accelerator will do, one that cannot does not fail the suite; where each must, it does."""
    facts = json.loads(EXAMPLE.read_text())
    facts["facts"]["pci_function"] = [dict(f, driver="vfio-pci") if f["address"] == "0000:3b:00.0" else f
                                      for f in facts["facts"]["pci_function"]]
    file = pathlib.Path(folder) / "one.json"
    file.write_text(json.dumps(facts))
    any_ = cases("--facts", file, "--require", "container:whole")
    out = {c: outcome(t) for (c, s), t in any_.items() if s == "container"}
    assert set(out.values()) == {"passed", "skipped"} and sum(o == "skipped" for o in out.values()) == 1, out
    each = cases("--facts", file, "--require", "container:whole", "--all", expect=3)
    out = {c: outcome(t) for (c, s), t in each.items() if s == "container"}
    assert sum(o == "failure" for o in out.values()) == 1 and "0000:3b:00.0" in min(out, key=lambda c: out[c] != "failure")


def test_browser(folder, hostile):
    """A real browser has nothing to complain of, and runs nothing."""
    browser = shutil.which("chromium")
    if not browser:
        print("figures: no chromium here, no browser asked")
        return
    for number, file in enumerate((EXAMPLE, hostile)):
        page = pathlib.Path(folder) / f"page{number}.html"
        page.write_text(run("report", "--facts", file))
        done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile",
                               "--enable-logging=stderr", "--virtual-time-budget=2000", "--window-size=400,800",
                               "--dump-dom", f"file://{page}"], capture_output=True, text=True, timeout=120)
        assert "CONSOLE" not in done.stderr, done.stderr
        dom = Page(re.sub(r"(?i)^<!doctype html>", "", done.stdout))
        assert "h1" in dom.elements and "script" not in dom.elements and "img" not in dom.elements
    print("figures: 2 pages in chromium, nothing on its console")


def main():
    try:
        run("report", "--facts", EXAMPLE)
    except AssertionError as problem:
        if "libxml2" in str(problem):
            sys.exit(77)
        raise
    test_page()
    test_requirement()
    test_junit()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        hostile = test_hostile(folder)
        test_any_and_each(folder)
        test_browser(folder, hostile)


if __name__ == "__main__":
    main()
