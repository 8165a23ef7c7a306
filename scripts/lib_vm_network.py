"""Network steps of scripts/test-vm: the helper with the machine's own NetworkManager."""

from __future__ import annotations

import json
import sys
import time

from lib_vm import SLOW, Station, expect

FIRST, NEW = "192.168.7.15", "192.168.7.77"  # by DHCP; what is tried
FAR = "http://127.0.0.1:10081"  # the pages at the new address, from outside
PASSWORD = "a-password-of-the-trial"
# Logs in at a URL and presses Confirm of the page Network, as a browser does: argv URL, password.
CONFIRM = r"""
import http.client, json, sys, urllib.parse
host = sys.argv[1].removeprefix("http://")
c = http.client.HTTPConnection(host, timeout=60)
c.request("POST", "/api/v1/login", json.dumps({"username": "admin", "password": sys.argv[2]}),
          {"Content-Type": "application/json"})
r = c.getresponse(); told = json.loads(r.read())
cookie = "; ".join(v.split(";")[0] for k, v in r.getheaders() if k.lower() == "set-cookie")
c.request("POST", "/network/confirm", urllib.parse.urlencode({"csrf_token": told.get("csrf", "")}),
          {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"})
r = c.getresponse(); r.read()
print(r.status)
"""


class Network(Station):
    """A change undone, a change kept, the button."""

    def addresses(self) -> list[str]:
        shown = self.vm.run("ip -j -4 addr show eth0")
        return [a["local"] for device in json.loads(shown) for a in device["addr_info"]]

    def change(self) -> dict[str, object]:
        return dict(json.loads(self.vm.run("btrmd network --json", check=False) or "{}"))

    def apply(self) -> None:
        self.vm.run(f"btrmd set network.method=static network.address={NEW} "
                    "network.mask=255.255.255.0 network.gateway=192.168.7.2 "
                    "network.dns1=192.168.7.3 network.host_name=trial-7")  # fmt: skip
        self.vm.run("btrmd network apply")
        self.until(
            lambda: self.change().get("state") in ("pending", "failed"), "the change waits", 90
        )
        made = self.change()
        expect(made.get("state") == "pending", f"the change is {made}")
        expect(self.addresses() == [NEW], f"eth0 has {self.addresses()}, not {NEW}")

    def answers(self, url: str) -> bool:
        reported = self.vm(
            "host", "curl", "-s", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}",
            f"{url}/healthz", check=False,
        )  # fmt: skip
        return reported == "200"

    def change_undone(self) -> str:
        expect(self.addresses() == [FIRST], f"eth0 has {self.addresses()}, not {FIRST}")
        self.vm("fwd", "tcp", "10081", f"{NEW}:80", check=False)
        name = self.vm.run("hostname").strip()
        self.apply()
        begun = time.monotonic()
        self.until(lambda: self.answers(FAR), "the pages answer at the new address", 60)
        expect(self.vm.run("hostname").strip() == "trial-7", "the host name is not the new one")
        refused = self.confirm(self.url)
        self.until(lambda: self.change().get("state") == "reverted", "the change is undone", 180)
        seconds = time.monotonic() - begun
        self.until(lambda: self.addresses() == [FIRST], f"eth0 has {FIRST} again", 60)
        self.until(lambda: self.answers(self.url), "the pages are back at the old address", 60)
        self.until(lambda: self.vm.run("hostname").strip() == name, "the old host name is back")
        return f"undone after {seconds:.0f} s; the old address meanwhile: {refused}"

    def confirm(self, url: str) -> str:
        """Press Confirm at `url`; the HTTP status or what kept it from there."""
        self.vm.run(f"printf '%s\\n' {PASSWORD} | btrmd passwd --stdin")
        reported = self.vm("host", sys.executable, "-c", CONFIRM, url, PASSWORD, check=False)
        return reported.strip() or "no answer"

    def change_kept(self) -> str:
        self.apply()
        self.until(lambda: self.answers(FAR), "the pages answer at the new address", 60)
        reported = self.confirm(FAR)
        expect(reported == "303", f"the page Network answered {reported} to Confirm")
        expect(self.change().get("state") == "kept", f"the change is {self.change()}")
        time.sleep(130.0)  # past the 120 s after which it would have been undone
        expect(self.addresses() == [NEW], f"eth0 has {self.addresses()} after 130 s, not {NEW}")
        self.vm.run("reboot", check=False)
        time.sleep(10.0 * SLOW)
        self.vm("wait")
        self.url = FAR
        self.active()
        expect(self.addresses() == [NEW], f"eth0 has {self.addresses()} after a boot, not {NEW}")
        return f"confirmed at {NEW}, there after 130 s and after a boot"

    def recovery_button(self) -> str:
        self.until(lambda: not self.alarms_of_start(), "the self-test is over", 90)
        self.vm.run("rig-plant pin 5 low")
        self.until(lambda: self.addresses() == ["192.168.1.214"], "eth0 has 192.168.1.214", 90)
        self.vm.run("rig-plant pin 5 high")
        self.vm.run("btrmd status > /dev/null", check=False)
        profiles = self.vm.run("nmcli -t -e no -f NAME connection show | grep ^btrm-").split()
        expect(len(profiles) == 1, f"profiles of ours: {profiles}")
        # Back to what the rig reaches.
        self.vm.run(f"nmcli connection delete {profiles[0]}")
        self.until(lambda: self.addresses() == [FIRST], f"eth0 has {FIRST} again", 90)
        self.url = "http://127.0.0.1:10080"
        self.active()
        return ""

    def alarms_of_start(self) -> bool:
        """True while the self-test runs: the buttons wait for its end."""
        reported = json.loads(self.vm.run("btrmd status --json", check=False) or "{}")
        return bool(
            reported.get("points", {}).get("system.self_test", {}).get("value") == "running"
        )
