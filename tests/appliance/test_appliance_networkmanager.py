"""The same with the real NetworkManager, in a network, mount and host-name space of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from appliance_fixtures import ROOT

# Runs as the first process of the new name spaces: nothing of it reaches the machine.
INSIDE = r"""
set -e
home=$1
mount -t sysfs -o ro sysfs /sys   # read-only: NetworkManager takes it that no udev runs
mount -t tmpfs none /run
cp -a /etc "$home/etc"; mount --bind "$home/etc" /etc
mount -t tmpfs none /etc/NetworkManager
mkdir -p /var/lib/NetworkManager /run/dbus /run/NetworkManager
mount -t tmpfs none /var/lib/NetworkManager
cd /etc/NetworkManager && mkdir system-connections
printf '[main]\nplugins=keyfile\ndns=none\nno-auto-default=*\n' > NetworkManager.conf
cat > "$home/bus.conf" <<X
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen>
<auth>EXTERNAL</auth><policy context="default"><allow send_destination="*" eavesdrop="true"/>
<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
X
dbus-daemon --config-file="$home/bus.conf" --nopidfile --nofork &
ip link set lo up
ip link add eth0 type veth peer name far0
ip addr add 192.168.1.2/24 dev far0
ip link set far0 up
until [ -S /run/dbus/system_bus_socket ]; do sleep 0.1; done
NetworkManager --no-daemon > "$home/nm.log" 2>&1 &
until nmcli -t general status >/dev/null 2>&1; do sleep 0.1; done
nmcli device set far0 managed no
nmcli connection add type ethernet con-name image ifname eth0 ipv4.method manual \
    ipv4.addresses 10.0.0.5/24 >/dev/null
nmcli --wait 20 connection up id image >/dev/null
"$2" "$3" "$home" || code=$?
kill %2 %1
exit ${code:-0}
"""

TALK = r"""
import json, subprocess, sys
from pathlib import Path
sys.path.insert(0, {here!r})
from appliance_fixtures import WISH, Bench, wait_until

def nmcli(*words):
    return subprocess.run(["nmcli", *words], check=True, capture_output=True, text=True).stdout

def address():
    shown = subprocess.run(["ip", "-json", "addr", "show", "eth0"], check=True, capture_output=True)
    return [a["local"] for i in json.loads(shown.stdout) for a in i["addr_info"]
            if a["family"] == "inet"]

disk = Path("/etc/NetworkManager/system-connections")
bench = Bench(Path(sys.argv[1]) / "bench")
assert address() == ["10.0.0.5"], address()
bench.start("--confirm-s", "4")
try:
    assert bench.ask("network.apply", **WISH)["ok"]
    bench.until_state("pending")
    assert address() == ["192.168.1.50"], address()
    assert not list(disk.glob("btrm-*")), "a power cut must undo it"
    # NetworkManager tells of a new name a moment after it has taken it.
    wait_until(lambda: nmcli("general", "hostname").strip() == "cabinet-7", "the host name")
    bench.until_state("reverted")
    assert address() == ["10.0.0.5"], address()
    assert "btrm-" not in nmcli("-t", "-f", "NAME", "connection", "show")
    print("reverted")
finally:
    bench.stop()
bench.start()
try:
    assert bench.ask("network.apply", **WISH)["ok"]
    bench.until_state("pending")
    assert bench.ask("network.show")["addresses"][0] == "192.168.1.50"
    refused = bench.ask("network.confirm", address="10.0.0.5")
    assert "not the new address" in refused["text"], refused
    assert bench.ask("network.confirm", address="192.168.1.50")["ok"]
    kept = list(disk.glob("btrm-*"))
    assert len(kept) == 1, kept
    text = kept[0].read_text()
    assert "autoconnect-priority=100" in text, text
    assert "autoconnect=false" not in text, text
    assert address() == ["192.168.1.50"], "confirming does not touch the line"
    print("kept")
    wish = {{**WISH, "address": "192.168.1.214", "host_name": "BTRM"}}
    assert bench.ask("network.apply", **wish, keep=True)["ok"]
    bench.until_state("kept")
    assert address() == ["192.168.1.214"], address()
    assert len(list(disk.glob("btrm-*"))) == 1
    print("defaults")
finally:
    bench.stop()
"""


def missing() -> str:
    """What this machine lacks for it, "" for nothing."""
    if os.getuid() != 0:
        return "needs root for a network of its own"
    for tool in ("NetworkManager", "nmcli", "dbus-daemon", "unshare", "ip"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed (apt install network-manager dbus iproute2)"
    words = ["unshare", "-m", "-n", "-u", "true"]
    if subprocess.run(words, capture_output=True).returncode != 0:
        return "this machine lets nobody make name spaces"
    return ""


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_the_real_networkmanager_tries_keeps_and_undoes(tmp_path: Path) -> None:
    inside, talk = tmp_path / "inside.sh", tmp_path / "talk.py"
    inside.write_text(INSIDE)
    talk.write_text(TALK.format(here=str(Path(__file__).parent)))
    words = ["unshare", "-m", "-n", "-u", "--kill-child", "-p", "-f", "--mount-proc"]
    words += ["bash", str(inside), str(tmp_path), sys.executable, str(talk)]
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=180,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    log = tmp_path / "nm.log"
    reported = log.read_text()[-3000:] if log.exists() else ""
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-4000:]}\n{reported}"
    assert [word for word in done.stdout.split() if word in ("reverted", "kept", "defaults")] == [
        "reverted", "kept", "defaults",
    ]  # fmt: skip
