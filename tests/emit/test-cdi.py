#!/usr/bin/env python3
"""CDI specifications, read by others. SPDX-License-Identifier: Apache-2.0

1. The project's own JSON Schema (cncf-tags/container-device-interface), with unknown keys refused,
   where ../shared/specs has it.
2. Podman: every device name resolves, and a container gets exactly the nodes that the
   specification says. In a mount namespace with a /dev and a /run of its own, where the nodes are
   made: as root, where podman is installed.
"""
import ctypes
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile
import time

from hosts import Hosts

WISHES = [(), ("--to", "kata"), ("--to", "qemu-vfio"), ("--to", "qemu-vgpu", "--share", "vgpu")]
PLAIN = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0), "ptmx": (5, 2)}
PR_SET_CHILD_SUBREAPER = 36
GIVEN = set(PLAIN) | {"core", "fd", "mqueue", "pts", "shm", "stderr", "stdin", "stdout", "console"}


def specifications(hosts):
    for place, words in hosts:
        for wish in WISHES:
            ran = hosts.run("emit", "cdi:json", *words, *wish)
            if ran.returncode == 0:
                yield f"{place.name} {' '.join(wish)}".strip(), json.loads(ran.stdout)


# -- the schema --

def close(schema):
    """No keys but those that are named."""
    if isinstance(schema, dict):
        if schema.get("type") == "object" and "properties" in schema:
            schema.setdefault("additionalProperties", False)
        for value in schema.values():
            close(value)
    return schema


def validator(folder):
    try:
        import jsonschema
    except ImportError:
        return None
    schema = close(json.loads((folder / "cdi-schema.json").read_text()))
    definitions = close(json.loads((folder / "cdi-defs.json").read_text()))
    text = json.dumps(schema).replace("defs.json#/definitions/", "#/definitions/")
    return jsonschema.Draft7Validator(json.loads(text) | {"definitions": definitions["definitions"]})


def check_schema(hosts, documents):
    folder = hosts.source.parent / "shared/specs"
    checker = validator(folder) if (folder / "cdi-schema.json").exists() else None
    if not checker:
        print("schema: skipped, it or python3-jsonschema is not here")
        return 0, []
    assert list(checker.iter_errors({"cdiVersion": "0.5.0", "kind": "a/b", "devices": [], "x": 1})), "takes unknown keys"
    wrong = [f"{name}: {error.json_path}: {error.message}" for name, document in documents
             for error in checker.iter_errors(document)]
    return len(documents), wrong


# -- podman --

def command(*words):
    subprocess.run(words, check=True, capture_output=True)


def make_node(path, number=(1, 3)):
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(*number))


def make_root(scratch, nodes):
    """/dev with those nodes, an empty /run, one cgroup hierarchy: of this namespace alone."""
    command("mount", "-t", "tmpfs", "none", "/run")
    command("mount", "-t", "cgroup2", "none", "/sys/fs/cgroup")
    device = scratch / "dev"
    for name in ("pts", "shm", "mqueue"):
        (device / name).mkdir(parents=True)
    for name, number in PLAIN.items():
        make_node(device / name, number)
    for node in nodes:
        make_node(device / pathlib.Path(node).relative_to("/dev"))
    (device / "fd").symlink_to("/proc/self/fd")
    command("mount", "--bind", str(device), "/dev")
    command("mount", "-t", "devpts", "devpts", "/dev/pts")
    root = scratch / "root"
    for name in ("bin", "dev", "proc", "sys", "tmp", "etc", "run"):
        (root / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), root / "bin/busybox")
    pathlib.Path("/run/cdi").mkdir(parents=True)
    return root


def run_and_reap(words):
    """Runs a command, and takes up what it leaves behind: conmon, for whose end podman waits."""
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(words, stdout=said, stderr=said, text=True)
        while process.poll() is None:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended and ended.si_pid != process.pid:
                os.waitpid(ended.si_pid, 0)
            time.sleep(0.01)
        said.seek(0)
        return process.returncode, said.read()


def podman(scratch, root, device):
    """The device nodes that a container sees, or what podman says if it refuses."""
    code, said = run_and_reap(
        ["podman", "--root", f"{scratch}/storage", "--runroot", f"{scratch}/run", "--tmpdir", f"{scratch}/tmp",
         "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none", "run", "--rm",
         "--cgroups=disabled", "--network=none", "--security-opt=seccomp=unconfined", "--ulimit=nofile=1024:1024",
         "--ulimit=nproc=1024:1024", f"--device={device}", "--rootfs", str(root), "/bin/busybox", "find", "/dev", "-type", "c"])
    if code:
        return said.strip()
    return {path for path in said.split() if path.startswith("/dev/") and path.split("/")[2] not in GIVEN}


def named(document):
    """A few devices: the first, the last before 'all', and 'all'."""
    devices = document["devices"]
    return {d["name"]: d for d in (devices[0], devices[-2:][0], devices[-1])}.values()


def inside(path):
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    documents, scratch = json.loads(pathlib.Path(path).read_text()), pathlib.Path(path).parent
    nodes = {n["path"] for _, d in documents for e in d["devices"] for n in e["containerEdits"]["deviceNodes"]}
    root = make_root(scratch, nodes)
    wrong, count = [], 0
    for name, document in documents:
        pathlib.Path("/run/cdi/happypath.json").write_text(json.dumps(document))
        for device in named(document):
            seen = podman(scratch, root, f"{document['kind']}={device['name']}")
            want = {node["path"] for node in device["containerEdits"]["deviceNodes"]}
            count += 1
            if seen != want:
                wrong.append(f"{name}: {device['name']}: podman gives {seen}, not {sorted(want)}")
    if isinstance(podman(scratch, root, f"{document['kind']}=nosuch"), set):
        wrong.append("podman takes a device that no specification has")
    print(json.dumps([count, wrong]))


def check_podman(documents, scratch):
    needed = ("podman", "busybox", "unshare")
    missing = [name for name in needed if not shutil.which(name)] + ([] if os.geteuid() == 0 else ["root's privilege"])
    if missing:
        print(f"podman: skipped, without {', '.join(missing)}")
        return 0, []
    path = pathlib.Path(scratch) / "podman/documents.json"
    path.parent.mkdir()
    path.write_text(json.dumps(documents))
    ran = subprocess.run(["unshare", "--mount", "--propagation", "private", sys.executable, __file__, "--inside", str(path)],
                         capture_output=True, text=True)
    if ran.returncode:
        print(f"podman: skipped, no namespace to be had here: {ran.stderr.strip().splitlines()[-1:]}")
        return 0, []
    return json.loads(ran.stdout)


def main():
    with tempfile.TemporaryDirectory() as scratch:
        hosts = Hosts(sys.argv[1], sys.argv[2], scratch)
        documents = list(specifications(hosts))
        assert len(documents) >= 6, f"only {len(documents)} specifications"
        checks = {"schema": check_schema(hosts, documents), "podman": check_podman(documents, scratch)}
    wrong = [text for _, texts in checks.values() for text in texts]
    print("\n".join(f"{name}: {count} read" for name, (count, _) in checks.items()), *wrong, sep="\n")
    if wrong:
        return 1
    return 0 if any(count for count, _ in checks.values()) else 77


if sys.argv[1] == "--inside":
    inside(sys.argv[2])
else:
    sys.exit(main())
