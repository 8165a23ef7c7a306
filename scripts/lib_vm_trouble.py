"""Bad hosts for scripts/test-vm: each says in one line what is wrong, and keeps the coils low."""

from __future__ import annotations

import time

from lib_vm import SLOW, Station, TrialError, expect

HARDWARE = "/etc/btrm/hardware.toml"


class Trouble(Station):
    """Each step breaks something, looks, and mends it without touching the service."""

    def restart(self) -> None:
        self.vm.run("systemctl restart btrmd", check=False)

    def says(self, *words: str, seconds: float = 90.0) -> str:
        """The status line, once it holds one of `words`."""
        line = ""

        def reported() -> bool:
            nonlocal line
            line = self.status_line()
            return any(word in line for word in words)

        try:
            self.until(reported, f"systemctl status tells of {words[0]!r}", seconds)
        except TrialError as error:
            raise TrialError(f"{error}, but {line!r}") from None
        return line

    def well_again(self, since: float) -> str:
        """The station is well with nobody's help; how long that took."""
        self.active()
        self.until(lambda: self.status_line() == "Running.", "the station is well again", 120)
        self.coils_low("when all is well again")
        return f"well {time.monotonic() - since:.0f} s after the repair"

    def full_disk(self) -> str:
        self.vm.run(
            "systemctl stop btrmd; sync; fallocate -l $(($(df --output=avail -B1 / | tail -1)"
            " - 1048576)) /fill; cat /dev/zero > /fill2 2>/dev/null; df / | tail -1",
            check=False,
        )
        try:
            expect(
                "100%" in self.vm.run("df / | tail -1"),
                f"not full: {self.vm.run('df / | tail -1')}",
            )
            self.restart()
            self.active()
            reported = self.says("space", "full")
            self.coils_low("on a full disk")
            refused = self.vm.run("btrmd set site.name=full 2>&1", check=False)
            expect("No space" in refused, f"a setting that cannot be stored: {refused!r}")
        finally:
            self.vm.run("rm -f /fill /fill2")
        return f"{reported!r}; {self.well_again(time.monotonic())}"

    def read_only_root(self) -> str:
        self.vm.run(
            "sed -i 's/defaults,errors=remount-ro/ro/' /etc/fstab; sync; reboot", check=False
        )
        time.sleep(10.0 * SLOW)
        self.vm("wait")
        try:
            options = self.vm.run("findmnt -no OPTIONS /")
            expect(options.startswith("ro"), f"/ is mounted {options}")
            self.active()
            reported = self.says("ead-only")
            self.coils_low("on a read-only root")
            expect(self.value("battery.voltage") is not None, "no values on a read-only root")
        finally:
            self.vm.run("mount -o remount,rw /; sed -i 's#/ ext4 ro#/ ext4 defaults,errors="
                        "remount-ro#' /etc/fstab; sync")  # fmt: skip
        # The unit's view of the disk was made while it was read-only, and stays so until a restart.
        since = time.monotonic()
        self.restart()
        return f"{reported!r}; {self.well_again(since)}"

    def clock_of_1970(self) -> str:
        """(The second of January: Linux takes no time of day before its own start.)"""
        self.vm.run("systemctl stop btrmd; echo $(($(date +%s) - $(cut -d. -f1 /proc/uptime)))"
                    " > /root/boot-time; date -s '1970-01-02 00:01:00' "
                    "&& systemctl start btrmd")  # fmt: skip
        try:
            self.active()
            reported = self.says("clock")
            self.coils_low("in 1970")
            expect("clock" in self.vm.run("btrmd alarms"), "no alarm `clock`")
        finally:
            self.vm.run("date -s @$(($(cat /root/boot-time) + $(cut -d. -f1 /proc/uptime)))")
        since = time.monotonic()
        self.until(lambda: "clock" not in self.vm.run("btrmd alarms"), "the alarm ends", 120)
        return f"{reported!r}; {self.well_again(since)}"

    def no_hat(self) -> str:
        """No bus at the start (I2C off, no HAT), then it is there."""
        self.vm.run("systemctl stop btrmd rig-btrm-plant; modprobe -r rig-i2c")
        try:
            self.vm.run("test ! -e /dev/i2c-1")
            self.vm.run("systemctl start btrmd", check=False)
            self.active()
            reported = self.says("I2C bus cannot be opened")
            self.coils_low("without a HAT")
        finally:
            self.vm.run("modprobe rig-i2c nr=1; for a in 40 41 44 45 48 49 4a; do rig-plant i2c "
                        "add $a; done")  # fmt: skip
            self.start_plant()
        return f"{reported!r}; {self.well_again(time.monotonic())}"

    def wrong_model(self) -> str:
        self.vm.run("cp -a /etc/btrm/btrmd.toml /root/site.toml;"
                    "printf '[site]\\nmodel = \"999\"\\n' > /etc/btrm/btrmd.toml")  # fmt: skip
        try:
            self.restart()
            reported = self.says("model")
            self.coils_low("with a wrong model")
        finally:
            self.vm.run("cp -a /root/site.toml /etc/btrm/btrmd.toml")
        return f"{reported!r}; {self.well_again(time.monotonic())}"

    def wrong_board(self) -> str:
        """hardware.toml is edited badly in a running test, and the daemon dies after that."""
        self.begin_test()
        self.vm.run(f"cp -a {HARDWARE} /root/hardware.toml; sed -i '/^\\[pin.k1\\]/,/^$/s/^gpio.*/"
                    f"gpio = 99/' {HARDWARE}")  # fmt: skip
        try:
            edited = self.vm.run(f"diff {HARDWARE} /root/hardware.toml || true")
            expect("99" in edited, "the board file is not edited")
            self.vm.run("kill -9 $(systemctl show btrmd -P MainPID)")
            self.coils_low("with a wrong board file", 20)
            reported = self.says("hardware.toml")
        finally:
            self.vm.run(f"cp -a /root/hardware.toml {HARDWARE}")
        return f"{reported!r}; {self.well_again(time.monotonic())}"

    def no_network_manager(self) -> str:
        """Stopped, then not even installed: the station goes on and says so when asked."""
        reported = []
        self.vm.run("systemctl stop NetworkManager")
        try:
            self.restart()
            self.active()
            reported.append(self.vm.run("btrmd network apply 2>&1", check=False).strip())
            self.vm.run("mv /usr/bin/nmcli /usr/bin/nmcli.away")
            reported.append(self.vm.run("btrmd network apply 2>&1", check=False).strip())
            if not all("NetworkManager" in text for text in reported):
                raise TrialError(f"without NetworkManager: {reported}")
            self.coils_low("without NetworkManager")
        finally:
            self.vm.run("mv /usr/bin/nmcli.away /usr/bin/nmcli; systemctl start NetworkManager",
                        check=False)  # fmt: skip
        return f"{reported!r}; {self.well_again(time.monotonic())}"
