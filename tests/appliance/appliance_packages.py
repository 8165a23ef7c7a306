"""Real packages, real keys, and a folder that dpkg takes for the machine it installs on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from appliance_fixtures import ROOT, Bench, write_tool

SIGN = ROOT / "scripts" / "sign-update"
ARCH = subprocess.run(
    ["dpkg", "--print-architecture"], capture_output=True, text=True, check=False
).stdout.strip() if shutil.which("dpkg") else ""  # fmt: skip

# The station of these packages: it answers as its version once it is well. A package says with its
# file `well` whether it ever is: yes, no (it ends), or a sentence, what it finds wrong with itself.
# With a history.db it is at home in version N of its file `schema`: it brings an older one up to
# date, writes a line, and has nothing to do with a newer one that does not say N.
STATION = """
import json, os, socket, sqlite3, sys
root, run = sys.argv[1], sys.argv[2]
share = root + "/usr/share/btrmd/"
version = open(share + "version").read().strip()
well = open(share + "well").read().strip()
if well == "no":
    sys.exit(3)
fault = "" if well == "yes" else well
schema = int(open(share + "schema").read())
history = sys.argv[3] + "/history.db"
if os.path.exists(history):
    database = sqlite3.connect(history, isolation_level=None)
    known = database.execute("PRAGMA user_version").fetchone()[0]
    if known > schema:
        os.rename(history, history + ".corrupt-1")
    else:
        for number in range(known, schema):
            database.execute("ALTER TABLE events ADD COLUMN more%d TEXT" % number)
            database.execute("PRAGMA user_version=%d" % (number + 1))
        database.execute("INSERT INTO events (text) VALUES (?)", ("written by " + version,))
    database.close()
path = run + "/control.sock"
for old in (path, run + "/says"):
    if os.path.exists(old):
        os.unlink(old)
listening = socket.socket(socket.AF_UNIX); listening.bind(path); listening.listen()
def answer(client):
    with client, client.makefile("rw") as talk:
        line = talk.readline()
        if not line: # only looked whether somebody listens
            return
        verb = json.loads(line)["verb"]
        state = open(run + "/test").read() if os.path.exists(run + "/test") else "idle"
        answers = {"where": {"version": version}, "test_status": {"test": {"state": state}},
                   "health": {"version": version, "fault": fault}, "update_ended": {}}
        told = open(run + "/says").read() if os.path.exists(run + "/says") else ""
        with open(run + "/asked", "a") as asked:
            asked.write(verb + "\\n")
        talk.write((told or json.dumps({"ok": verb in answers, **answers.get(verb, {})})) + "\\n")
while True:
    try:
        answer(listening.accept()[0])
    except OSError: # who asked has not waited: the station lives on
        pass
"""

# Plays systemctl for one unit, with a pid file: `start`, `stop`, `is-active`, `daemon-reload`.
SYSTEMCTL = """#!/bin/bash
pid=$(cat "$BTRMD_PID" 2>/dev/null || echo 0)
alive() {{ # one that has ended is gone; that its parent asks how may take a second or two
    local stat
    [ "$pid" != 0 ] && {{ read -r stat <"/proc/$pid/stat"; }} 2>/dev/null &&
        case "${{stat##*) }}" in Z*|X*) false ;; esac
}}
case "$1" in
is-active) alive && [ -S "{run}/control.sock" ] && echo active || echo failed ;;
start) alive && exit 0
    {python} -S "{station}" "$BTRMD_ROOT" "{run}" "{state}" >/dev/null 2>&1 </dev/null &
    echo $! > "$BTRMD_PID" ;;
stop) alive && kill "$pid" && while alive; do sleep 0.02; done
    rm -f "$BTRMD_PID" "{run}/control.sock" ;;
esac
exit 0
"""

# systemd-run(1) as far as it is used: a process that outlives the caller, with its --setenv.
SYSTEMD_RUN = """#!/bin/bash
while [ "$1" != -- ]; do
    case "$1" in --setenv=*) export "${1#--setenv=}" ;; esac
    shift
done
shift
setsid "$@" >>"$BTRMD_INSTALLER_LOG" 2>&1 </dev/null &
"""

# The real dpkg, on the folder.
DPKG = """#!/bin/bash
case " $* " in *" --print-architecture "*|*" --compare-versions "*) exec {real} "$@" ;; esac
[ -e "$BTRMD_ROOT/cut" ] && exit 9  # the power goes
exec {real} --root="$BTRMD_ROOT" --force-not-root --force-script-chrootless --log=/dev/null "$@"
"""
QUERY = """#!/bin/bash
exec {real} --admindir="$BTRMD_ROOT/var/lib/dpkg" "$@"
"""


class Machine:
    """A bench whose helper installs packages into a folder."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.folder = bench.folder
        self.root = bench.folder / "root"
        for name in ("info", "updates", "triggers", "parts", "alternatives"):
            (self.root / "var/lib/dpkg" / name).mkdir(parents=True)
        for name in ("status", "available"):
            (self.root / "var/lib/dpkg" / name).touch()
        station = self.folder / "station.py"
        station.write_text(STATION)
        self.pid = self.folder / "pid"
        self.log = self.folder / "installer.log"
        tools, run = bench.tools, bench.daemon_run
        write_tool(tools, "systemctl",
                   SYSTEMCTL.format(run=run, python=sys.executable, station=station,
                                    state=bench.daemon_state))  # fmt: skip
        write_tool(tools, "systemd-run", SYSTEMD_RUN)
        for name, text in (("dpkg", DPKG), ("dpkg-query", QUERY)):
            write_tool(tools, name, text.format(real=shutil.which(name)))
        bench.environment = self.environment = {
            "BTRMD_ROOT": str(self.root), "BTRMD_PID": str(self.pid),
            "BTRMD_INSTALLER_LOG": str(self.log),
        }  # fmt: skip
        self.secret = self.folder / "keys.secret"
        self.sign("keys", str(self.secret))
        shutil.copy(self.secret / "update.pem", bench.keys / "factory.pem")

    def sign(self, *words: str) -> str:
        """Run scripts/sign-update; its word. Raises CalledProcessError."""
        done = subprocess.run(
            [sys.executable, str(SIGN), *words], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def deb(
        self,
        version: str,
        *,
        well: bool | str = True,
        arch: str = "all",
        refuses: bool = False,
        schema: int = 3,
    ) -> Path:
        """A package of btrmd with a conffile, a link, a folder and maintainer scripts."""
        tree = self.folder / f"tree-{version}-{arch}"
        control = tree / "DEBIAN"
        for path in (control, tree / "usr/share/btrmd", tree / "etc/btrm"):
            path.mkdir(parents=True, mode=0o755)
        (tree / "usr/share/btrmd/version").write_text(f"{version}\n")
        said = well if isinstance(well, str) else "yes" if well else "no"
        (tree / "usr/share/btrmd/well").write_text(f"{said}\n")
        (tree / "usr/share/btrmd/schema").write_text(f"{schema}\n")
        (tree / "usr/share/btrmd/link").symlink_to("version")
        (tree / "etc/btrm/site").write_text(f"packaged with {version}\n")
        (control / "conffiles").write_text("/etc/btrm/site\n")
        (control / "control").write_text(
            f"Package: btrmd\nVersion: {version}\nArchitecture: {arch}\n"
            "Maintainer: a <a@b.example>\nDescription: a station\n that is played\n .\n"
            " for a test\n"
        )
        reported = (
            'echo "BTRMD_UPGRADE_ANYWAY=${BTRMD_UPGRADE_ANYWAY:-}" >>"$BTRMD_PID.overruled"\n'
        )
        stop = f"{reported}systemctl stop btrmd.service\n"
        refusal = 'echo "btrmd: A capacity test is running." >&2; exit 1\n' if refuses else ""
        for name, text in (
            ("preinst", refusal + stop), ("postinst", "systemctl start btrmd.service\n"),
        ):  # fmt: skip
            (control / name).write_text(f"#!/bin/sh\nset -e\n{text}")
            (control / name).chmod(0o755)
        out = self.folder / f"btrmd_{version}_{arch}.deb"
        words = ["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", str(tree), str(out)]
        subprocess.run(words, check=True, capture_output=True, timeout=60)
        shutil.rmtree(tree)
        return out

    def bundle(self, deb: Path, *words: str) -> Path:
        out = deb.with_suffix(".btrm-update")
        self.sign("bundle", str(deb), "--key", str(self.secret / "update.key"),
                  "--out", str(out), *words)  # fmt: skip
        return out

    def run(self, *words: str) -> str:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=60,
            env={**os.environ, **self.environment, "PATH": self.bench.path},
        )  # fmt: skip
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def install_first(self, deb: Path) -> None:
        """As a person does, with dpkg; nobody keeps the file."""
        self.run("dpkg", "-i", str(deb))
        deb.unlink()

    @property
    def installed(self) -> str:
        form = "${Version} ${db:Status-Status}"
        return self.run("dpkg-query", "-W", "-f", form, "btrmd").strip()

    @property
    def overruled(self) -> str:
        """What each preinst that let it pass had in its environment."""
        path = self.pid.with_name("pid.overruled")
        return path.read_text() if path.exists() else ""

    def close(self) -> None:
        if self.pid.exists():
            self.run("systemctl", "stop", "btrmd.service")
