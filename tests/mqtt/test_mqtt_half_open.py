"""A link that dies without a word, in a network of its own: the kernel's reason is told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mail_tls import Authority
from mqtt_broker import MOSQUITTO

ROOT = Path(__file__).resolve().parents[2]
TALK = """
import os, subprocess, sys, time
from waiting import wait_until
from btrmd.notify.mqtt import connection
from btrmd.notify.mqtt.target import MqttTarget
mosquitto, config, ca, is_tls = *sys.argv[1:4], sys.argv[4] == "tls"
run = lambda *words: subprocess.run(words, check=True)
far = subprocess.Popen(["unshare", "-n", "sh", "-c",
    "while ! ip link show far; do sleep 0.05; done;"
    "ip addr add 10.9.9.2/24 dev far; ip link set far up; exec " + mosquitto + " -c " + config],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
net = lambda pid: os.readlink(f"/proc/{pid}/ns/net")
try:
    wait_until(lambda: net(far.pid) != net("self"))  # until it has a network of its own
    run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(far.pid))
    run("ip", "addr", "add", "10.9.9.1/24", "dev", "near")
    run("ip", "link", "set", "near", "up")
    shown = lambda: subprocess.run(("ip", "link", "show", "near"), capture_output=True).stdout
    wait_until(lambda: b"LOWER_UP" in shown())  # else the first packet waits for its neighbour
    connection.ACK_S = 1.0
    target = MqttTarget("10.9.9.2", 8883, is_tls, ca, "", "", "", "", "b", "s", False, False)
    def opened():
        link = connection.MqttConnection(target)
        try:
            link.open(lambda: False)
        except connection.MqttLinkError:
            link.close()
            return None
        return link
    link = wait_until(opened, 30.0)
    connection.ACK_S = 60.0  # the kernel is the first to give up
    run("nsenter", "-t", str(far.pid), "-n", "ip", "link", "set", "far", "down")
    link.publish("b/s/x", b"1", lambda is_read: None)
    end = time.monotonic() + 20.0
    while time.monotonic() < end:
        link.poll(0.5)
except connection.MqttLinkError as error:
    print(error)
finally:
    far.kill()
    far.wait()
"""


@pytest.mark.parametrize("security", ["none", "tls"])
def test_what_the_kernel_says_of_a_dead_link_is_told(tmp_path: Path, security: str) -> None:
    """Under TLS it looked like an orderly end: "closed the connection"."""
    alone = ("unshare", "-Urn", "--fork", "--kill-child")
    if MOSQUITTO is None or not all(map(shutil.which, ("unshare", "ip", "nsenter"))):
        pytest.skip("needs mosquitto and the programs unshare, ip and nsenter")
    if subprocess.run(
        [*alone, "unshare", "-n", "true"], capture_output=True, check=False
    ).returncode:
        pytest.skip("no network of its own can be made here")
    authority = Authority(tmp_path)
    identity = authority.identity("10.9.9.2")
    lines = ["listener 8883 10.9.9.2", "allow_anonymous true", "user root"]
    if security == "tls":
        lines += [f"certfile {identity}", f"keyfile {identity}"]
    config = tmp_path / "mosquitto.conf"
    config.write_text("\n".join(lines) + "\n")
    done = subprocess.run(
        [*alone, sys.executable, "-c", TALK, MOSQUITTO, str(config), str(authority.file), security],
        capture_output=True, text=True, timeout=60.0, check=False,
        cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests/support'}"},
    )  # fmt: skip
    assert done.stdout == "10.9.9.2:8883 is lost: Connection timed out.\n", done
