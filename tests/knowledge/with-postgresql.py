#!/usr/bin/env python3
# Runs a command with a PostgreSQL server of its own: a fresh cluster in a temporary folder, reachable by a socket in
# it alone (PGHOST). Skips (77) where the server's programs are not installed. SPDX-License-Identifier: Apache-2.0
import glob
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import tempfile


def programs():
    """The newest installed server's folder of programs."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda p: int(p.split("/")[4]))
    if found:
        return pathlib.Path(found[-1]).parent
    path = shutil.which("initdb")
    return pathlib.Path(path).parent if path else None


def unprivileged(folder):
    """The server refuses to run as root: another user then, who owns the folder."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, user.pw_uid, user.pw_gid)
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    return {}


def main():
    bin_folder = programs()
    if not bin_folder:
        print("skipped: no PostgreSQL server is installed")
        return 77
    with tempfile.TemporaryDirectory(prefix="hp-pg-") as folder:
        user = unprivileged(folder)
        data, log = f"{folder}/data", f"{folder}/log"
        options = dict(check=True, stdout=subprocess.DEVNULL, cwd=folder, **user)
        subprocess.run([bin_folder / "initdb", "-D", data, "-U", "happypath", "-A", "trust", "-E", "UTF8",
                        "--locale=C", "--no-sync"], **options)
        settings = f"-k {folder} -c listen_addresses='' -c fsync=off -c jit=off"
        subprocess.run([bin_folder / "pg_ctl", "-D", data, "-l", log, "-w", "-o", settings, "start"], **options)
        try:
            os.chmod(folder, 0o755)
            environment = dict(os.environ, PGHOST=folder, PGUSER="happypath", PGDATABASE="postgres")
            return subprocess.run(sys.argv[1:], env=environment).returncode
        finally:
            subprocess.run([bin_folder / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **options)


if __name__ == "__main__":
    sys.exit(main())
