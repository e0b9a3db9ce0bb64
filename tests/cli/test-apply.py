#!/usr/bin/env python3
# apply, undo, recover and history on the command line: `test-apply.py HAPPYPATH SOURCE`. Runs in mounts of its own, where
# files stand in for the kernel's attributes; skips (77) where it may not make them. SPDX-License-Identifier: Apache-2.0
import fcntl
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

SKIP = 77
POOLS = pathlib.Path("/sys/kernel/mm/hugepages")
LIMITS = pathlib.Path("/etc/security/limits.d")


def in_own_mounts():
    if os.environ.get("HP_TEST_MOUNTS"):
        return
    may = os.geteuid() == 0 and POOLS.is_dir() and LIMITS.is_dir() and shutil.which("unshare")
    if not may or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        print("skipped: needs root, mounts of its own and huge pages")
        sys.exit(SKIP)
    os.environ["HP_TEST_MOUNTS"] = "1"
    os.execvp("unshare", ["unshare", "-m", sys.executable, *sys.argv])


in_own_mounts()
HAPPYPATH, ROOT = sys.argv[1], pathlib.Path(sys.argv[2])
HERE = pathlib.Path(tempfile.mkdtemp(prefix="happypath-apply-"))
STATE = HERE / "state"
PAGES = POOLS / "hugepages-2048kB/nr_hugepages"


def run(*words, code=0, stdin=None, path=os.environ["PATH"], **how):
    done = subprocess.run([HAPPYPATH, *map(str, words)], capture_output=True, text=True, input=stdin, timeout=60, **how,
                          env={"HAPPYPATH_STATE": str(STATE), "PATH": path})
    assert done.returncode == code, f"{words}: exit {done.returncode}, not {code}: {done.stdout}{done.stderr}"
    return done


def validate(document, name):
    try:
        import jsonschema
    except ImportError:
        return document
    jsonschema.Draft202012Validator(json.loads((ROOT / f"docs/{name}.schema.json").read_text())).validate(document)
    return document


def answer(*words, code=0, name="applied"):
    return validate(json.loads(run(*words, "-o", "json", code=code).stdout), name)


def plan(*steps):
    path = HERE / "plan.json"
    path.write_text(json.dumps({"schema": "happypath.plan/1", "goal": {"surface": "test"}, "steps": [
        {"kind": kind, "subject": subject, "before": before, "after": after} for kind, subject, before, after in steps]}))
    return path


def pages(before, after):
    return ("hugepages", "2048kB", {"pages": before}, {"pages": after})


def limits(content):
    return ("file", str(LIMITS / "test.conf"), {"missing": 0},
            {"content": content, "mode": 0o640, "uid": 0, "gid": 0})


def tree():
    return {path.name: (path.read_text(), path.stat().st_mode) for path in LIMITS.iterdir()}, PAGES.read_text().strip()


def set_up():
    for name in ("pools", "limits", "state"):
        (HERE / name).mkdir()
    pool = HERE / "pools/hugepages-2048kB"
    pool.mkdir()
    (pool / "nr_hugepages").write_text("0\n")
    (pool / "free_hugepages").write_text("9\n")
    (HERE / "limits/theirs.conf").write_text("# theirs\n")
    subprocess.run(["mount", "--bind", HERE / "pools", POOLS], check=True)
    subprocess.run(["mount", "--bind", HERE / "limits", LIMITS], check=True)


def test_there_and_back():
    before = tree()
    both = plan(pages(0, 3), limits("* - memlock unlimited\n"))
    rehearsed = answer("apply", "--dry-run", both)
    assert [c["change"] for c in rehearsed["changes"]] == ["write", "replace"], rehearsed
    assert tree() == before and not list(STATE.iterdir())
    applied = answer("apply", both)
    assert applied["outcome"] == "done" and [s["result"] for s in applied["steps"]] == ["done", "done"], applied
    assert PAGES.read_text() == "3" and (LIMITS / "test.conf").stat().st_mode & 0o777 == 0o640
    assert answer("apply", both)["outcome"] == "nothing"
    history = answer("history", name="history")
    assert [t["outcome"] for t in history["transactions"]] == ["done"]
    assert "hugepages 2048kB: 0 pages -> 3 pages" in run("history", "1").stdout
    undone = answer("undo")
    assert undone["outcome"] == "done" and [s["result"] for s in undone["steps"]] == ["undone", "undone"], undone
    assert tree() == before, f"{tree()} is not {before}"
    assert "there is nothing to undo" in run("undo", code=1).stderr
    assert "nothing to recover" in run("recover").stderr


def test_standard_input_and_tables():
    run("apply", "-", stdin=plan(pages(0, 2)).read_text())
    assert "RESULT" in run("undo", "2").stdout
    assert "undone" in run("history").stdout
    assert run("history", "-o", "csv").stdout.startswith("id,begun,ended,outcome")


def test_refusals():
    PAGES.write_text("7\n")
    stale = answer("apply", plan(pages(0, 3)), code=3)
    assert stale["outcome"] == "refused" and stale["id"] is None and "the plan is stale" in stale["obstacles"][0]["text"]
    PAGES.write_text("0\n")
    for text, words in (("{", "plan.json:1:"), ("[]", "schema"), ('{"schema": "happypath.plan/1"}', "steps"),
                        ('{"schema": "happypath.plan/1", "steps": [{"kind": "nonsense", "subject": ""}]}', "nonsense")):
        path = HERE / "plan.json"
        path.write_text(text)
        assert words in run("apply", path, code=1).stderr
    assert "No such file" in run("apply", HERE / "none.json", code=1).stderr
    run("apply", code=2)
    run("apply", plan(), "--wait", "long", code=2)
    assert "no transaction 99" in run("history", "99", code=1).stderr
    assert "no transaction 99" in run("undo", "99", code=1).stderr


def test_plans_that_others_can_write():
    path = plan(pages(0, 3))
    path.chmod(0o666)
    assert "writable by nobody else" in run("apply", path, code=1).stderr
    path.chmod(0o644)
    os.chown(path, 65534, 65534)
    assert "its owner is 65534" in run("apply", path, code=1).stderr
    assert PAGES.read_text().strip() == "0"
    text = path.read_text()
    path.unlink()
    os.mkfifo(path)
    os.chown(path, 65534, 65534)
    with subprocess.Popen(["sh", "-c", f"exec 2>&-; printf %s '{text}' >{path}"]) as writer:
        assert "its owner is 65534" in run("apply", path, code=1).stderr
        writer.kill()
    run("apply", "-", stdin=text)
    path.unlink()
    run("undo")


def test_failure_rolls_back():
    before = tree()
    failing = plan(pages(0, 3), ("file", str(LIMITS / "test.conf"), {"missing": 0}, {"content": "x", "mode": 0o644,
                                                                                  "uid": 0, "gid": 0}))
    (LIMITS / ".test.conf.happypath").mkdir()  # so that it cannot be written beside
    failed = answer("apply", failing, code=5)
    assert failed["outcome"] == "rolled-back" and failed["error"], failed
    (LIMITS / ".test.conf.happypath").rmdir()
    assert tree() == before


def test_one_at_a_time():
    with open(STATE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        assert f"process {os.getpid()} is changing this host" in run("apply", plan(pages(0, 1)), code=75).stderr
        run("undo", code=75)
        run("recover", code=75)


def test_crash():
    """A journal without its end, as a crash leaves it."""
    run("apply", plan(pages(0, 3), limits("x\n")))
    journal = sorted((STATE / "journal").iterdir())[-1]
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:4]) + lines[4][:9])
    assert "happypath recover" in run("apply", plan(pages(3, 4)), code=1).stderr
    assert "cut short" in run("history").stderr
    recovered = answer("recover")
    assert recovered["outcome"] == "rolled-back" and PAGES.read_text() == "0" and not (LIMITS / "test.conf").exists()
    assert answer("history", name="history")["transactions"][-1]["outcome"] == "rolled-back"


def test_without_standard_files():
    """What is said to nobody ends in no file of ours, and who ignores the end of children is told it all the same."""
    log, words = HERE / "opened", f"{HAPPYPATH} apply {plan(pages(0, 3))}"
    if shutil.which("strace"):
        subprocess.run(["sh", "-c", f"exec strace -o {log} -e trace=openat,open,socket {words} <&- >&- 2>&-"], timeout=60,
                       env={"HAPPYPATH_STATE": str(STATE), "PATH": os.environ["PATH"], "ASAN_OPTIONS": "detect_leaks=0"})
        opened = log.read_text()
        assert '"/dev/null"' in opened
        started = opened[opened.rindex('"/dev/null"'):].splitlines()[1:]
        assert not [line for line in started if line.endswith((" = 0", " = 1", " = 2"))], opened
        run("undo")
    run("apply", plan(pages(0, 3)), preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    run("undo")
    assert PAGES.read_text() == "0"


def test_run_looks_before_it_changes_anything():
    words = ("run", "--gpu", "0000:01:00.0", "--kernel")
    for cpus in ("x", "0", "4097"):
        assert "expected a number from 1 to 4096" in run(*words, sys.executable, "--cpus", cpus, code=2).stderr
    assert "/nonexistent: No such file" in run(*words, "/nonexistent", code=1).stderr
    assert "/nonexistent: No such file" in run(*words, sys.executable, "--initrd", "/nonexistent", code=1).stderr
    assert "qemu-system-x86_64 is not installed" in run(*words, sys.executable, path=str(HERE), code=1).stderr


CALLS = ("openat,write,pwrite64,fsync,rename,renameat,unlink,unlinkat,ftruncate,fallocate,fchmod,fchown,mkdir,mkdirat,flock,"
         "pipe2,clone,vfork,lseek")


def killed_at(number, *words):
    """Whether happypath, or a child of it, was killed at its so manyth system call of those."""
    log = HERE / "strace.log"
    subprocess.run(["strace", "-f", "-o", log, "-e", f"trace={CALLS}", "-e", f"inject={CALLS}:signal=SIGKILL:when={number}",
                    HAPPYPATH, *map(str, words)], capture_output=True, timeout=60,
                   env={"HAPPYPATH_STATE": str(STATE), "PATH": os.environ["PATH"], "ASAN_OPTIONS": "detect_leaks=0"})
    return "killed by SIGKILL" in log.read_text()


def at_every_call(start, begin, ends):
    """Kills `begin` at every system call of it or its children; recovers; the host is as one of `ends`, and then `start`
    brings it back to where it began. How many points there were."""
    number, idle = 0, 0
    while idle < 5:  # some calls are only made in a child
        number += 1
        idle = 0 if killed_at(number, *begin) else idle + 1
        run("recover", "--wait", 5)
        assert tree() in ends, f"killed at {number}: {tree()} is none of {ends}"
        start()
        assert number < 500, "it never comes to its end"
    return number - idle


def test_killed_at_every_call():
    if not shutil.which("strace"):
        print("skipped: no strace, so nothing was killed")
        return
    both = plan(pages(0, 3), limits("* - memlock unlimited\n"))
    before = tree()
    run("apply", both)
    after = tree()
    run("undo")
    assert tree() == before != after

    def undone():
        if tree() != before:
            run("undo")
        assert tree() == before
        shutil.rmtree(STATE / "journal", ignore_errors=True)  # the more journals the more calls

    def applied():
        undone()
        run("apply", both)

    points = at_every_call(undone, ("apply", both), (before, after))
    applied()
    points += at_every_call(applied, ("undo",), (before, after))
    print(f"figures: killed at {points} points of apply and undo, parent or child")


set_up()
tests = [value for name, value in list(globals().items()) if name.startswith("test_")]
try:
    for test in tests:
        test()
finally:
    subprocess.run(["umount", POOLS, LIMITS])
    shutil.rmtree(HERE, ignore_errors=True)
print(f"figures: {len(tests)} tests of apply, undo, recover and history")
