"""The engines: a mosquitto with a collector that counts, and a Prometheus that scrapes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any, Final

from free_port import free_port
from mail_tls import Authority
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

TICKS: Final = os.sysconf("SC_CLK_TCK")
CONTRIB: Final = Path(__file__).resolve().parents[2] / "contrib" / "mosquitto"
COUNTS: Final = """
user collector
topic read $SYS/#
"""  # what the trial wants to know beside what a consumer reads


class Process:
    """A program; `cpu_s` and `rss_mb` of all that ran under this name."""

    def __init__(self, words: list[str], log: Path) -> None:
        self._words, self._log = words, log
        self._process: subprocess.Popen[bytes] | None = None
        self._before_s = 0.0

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._words, stdout=log, stderr=log)

    def kill(self) -> None:
        if self._process is not None:
            self._before_s = self.cpu_s
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def cpu_s(self) -> float:
        if self._process is None:
            return self._before_s
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return self._before_s + (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def rss_mb(self) -> float:
        if self._process is None:
            return 0.0
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Broker(Process):
    """mosquitto with contrib/mosquitto: TLS, a certificate for each unit and its own topics."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        program = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
        if program is None:
            raise SystemExit("fleet-sim: mosquitto is not installed (package mosquitto).")
        self.port = free_port()
        folder.mkdir()
        identity = authority.identity("127.0.0.1", common_name="broker")
        acl = folder / "btrmd.acl"
        acl.write_text((CONTRIB / "btrmd.acl").read_text() + COUNTS)
        acl.chmod(0o600)
        own = {"listener": f"{self.port} 127.0.0.1", "cafile": authority.file,
               "certfile": identity, "keyfile": identity, "acl_file": acl,
               "persistence_location": f"{folder}/"}  # fmt: skip
        lines = ["user root", "sys_interval 1"]
        for line in (CONTRIB / "btrmd.conf").read_text().splitlines():
            word = line.partition(" ")[0]
            lines.append(f"{word} {own[word]}" if word in own else line)
        file = folder / "mosquitto.conf"
        file.write_text("\n".join(lines) + "\n")
        super().__init__([program, "-c", str(file)], folder / "log")


class Collector:
    """A consumer with a session of its own; counts every event by unit and number."""

    def __init__(self, port: int, authority: Authority) -> None:
        self.events: Counter[tuple[str, int]] = Counter()
        self.minutes: Counter[str] = Counter()  # serial -> minutes that were delivered later
        self.taken: Counter[tuple[str, int]] = Counter()  # by who drops what is not above the last
        self.last_at = 0.0  # monotonic s of the last event
        self.octets = 0  # what the broker has received since its start
        self.messages = 0
        self._newest: dict[str, int] = {}
        self._lock = threading.Lock()
        self._client = client = paho.Client(
            CallbackAPIVersion.VERSION2, "collector", protocol=paho.MQTTv5
        )
        client.reconnect_delay_set(0.2, 1)
        identity = str(authority.identity("collector", common_name="collector"))
        client.tls_set(str(authority.file), identity, identity)
        client.on_connect = self._connected
        client.on_message = self._came
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 86400
        properties.ReceiveMaximum = 1000
        client.connect_async("127.0.0.1", port, clean_start=False, properties=properties)
        client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        for topic in ("btrmd/+/event", "btrmd/+/trend", "$SYS/broker/bytes/received",
                      "$SYS/broker/messages/received"):  # fmt: skip
            client.subscribe(topic, qos=1)

    def _came(self, client: Any, data: Any, message: Any) -> None:
        parts = message.topic.split("/")
        if parts[0] == "$SYS":
            if parts[2] == "bytes":
                self.octets = int(message.payload)
            else:
                self.messages = int(message.payload)
            return
        serial, body = parts[1], json.loads(message.payload)
        with self._lock:
            if parts[2] == "trend":
                self.minutes[serial] += len(body["rows"])
                return
            n = body["n"]
            self.last_at = time.monotonic()
            self.events[serial, n] += 1
            if n > self._newest.get(serial, 0):
                self._newest[serial] = n
                self.taken[serial, n] += 1

    @property
    def count(self) -> int:
        """Different events so far."""
        with self._lock:
            return len(self.events)

    @property
    def repeated(self) -> int:
        """Deliveries beyond the first, under the same number."""
        with self._lock:
            return sum(count - 1 for count in self.events.values())


class Prometheus(Process):
    """Scrapes every unit once a minute, as docs/fleet.md has it."""

    def __init__(self, folder: Path, targets: dict[str, int]) -> None:
        """`targets`: serial -> port of its worker."""
        self.port = free_port()
        folder.mkdir()
        groups = [
            {"targets": [f"127.0.0.1:{port}"],
             "labels": {"__metrics_path__": f"/metrics/{serial}", "instance": serial}}
            for serial, port in targets.items()
        ]  # fmt: skip
        (folder / "sites.json").write_text(json.dumps(groups))
        config = {
            "global": {"scrape_interval": "60s"},
            "scrape_configs": [
                {"job_name": "btrmd", "file_sd_configs": [{"files": [str(folder / "sites.json")]}]}
            ],
        }
        (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
        super().__init__(
            [str(shutil.which("prometheus")), f"--config.file={folder}/prometheus.yml",
             f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{self.port}",
             "--log.level=error"],
            folder / "log",
        )  # fmt: skip

    def ask(self, expression: str) -> float:
        """One number, 0 where there is none."""
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.port}/api/v1/query?{query}", timeout=30.0
        ) as answer:
            found = json.load(answer)["data"]["result"]
        return float(found[0]["value"][1]) if found else 0.0
