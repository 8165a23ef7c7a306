"""A real FreeRADIUS on a free port, and a server that answers what a test says."""

from __future__ import annotations

import hashlib
import hmac
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from waiting import wait_until

FREERADIUS = shutil.which("freeradius") or shutil.which("/usr/sbin/freeradius")
SECRET = "a shared secret"
DICTIONARY = Path("/usr/share/freeradius/dictionary")
CONFIG = """
name = radiusd
prefix = /usr
libdir = /usr/lib/freeradius
raddbdir = {folder}
logdir = {folder}
run_dir = {folder}
max_request_time = 5
security {{
  allow_core_dumps = no
  reject_delay = 0
  status_server = no
  max_attributes = 200
}}
thread pool {{
  start_servers = 1
  max_servers = 2
  min_spare_servers = 1
  max_spare_servers = 2
}}
modules {{
  pap {{
  }}
  files {{
    filename = {folder}/users
  }}
}}
server test {{
  listen {{
    type = auth
    ipaddr = 127.0.0.1
    port = {port}
  }}
  client local {{
    ipaddr = 127.0.0.1
    secret = "{secret}"
    require_message_authenticator = yes
  }}
  authorize {{
    files
    pap
  }}
  authenticate {{
    Auth-Type PAP {{
      pap
    }}
  }}
}}
"""
SIGNED = "\tMessage-Authenticator = 0x00"
USERS = f"""
ann Cleartext-Password := "open sesame, zoë"
{SIGNED},
\tFilter-Id = "operator"

bob Cleartext-Password := "builder"
{SIGNED},
\tReply-Message = "hello"

carl Cleartext-Password := "carl"
{SIGNED},
\tFilter-Id = "Admin"

admin Cleartext-Password := "from radius"
{SIGNED},
\tFilter-Id = "admin"
"""


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class FreeRadius:
    """`port`: where it answers."""

    def __init__(self, folder: Path) -> None:
        if FREERADIUS is None:
            pytest.skip("freeradius is not installed (package freeradius)")
        folder.mkdir()
        self.port = free_udp_port()
        config = CONFIG.format(folder=folder, port=self.port, secret=SECRET)
        (folder / "radiusd.conf").write_text(config)
        (folder / "users").write_text(USERS)
        (folder / "dictionary").write_text(f"$INCLUDE {DICTIONARY}\n")
        self._log = folder / "log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [FREERADIUS, "-f", "-l", "stdout", "-x", "-d", str(folder), "-n", "radiusd"],
                stdout=log, stderr=log,
            )  # fmt: skip
        wait_until(self._is_ready, 20.0, lambda: self.log)

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, self.log
        return "Ready to process requests" in self.log

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def answer(
    request: bytes, code: int, attributes: bytes = b"", secret: bytes = SECRET.encode(),
    is_signed: bool = True,
) -> bytes:  # fmt: skip
    """A response as RFC 2865 and 2869 have it, made here by hand."""
    body = (bytes((80, 18)) + bytes(16) if is_signed else b"") + attributes
    head = bytes((code, request[1])) + (20 + len(body)).to_bytes(2, "big")
    if is_signed:
        mac = hmac.new(secret, head + request[4:20] + body, hashlib.md5).digest()
        body = body[:2] + mac + body[18:]
    return head + hashlib.md5(head + request[4:20] + body + secret).digest() + body


class OddServer:
    """`say` makes the answers to a request; it may make none."""

    def __init__(self, say: Callable[[bytes], list[bytes]]) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self.requests: list[bytes] = []
        self._say = say
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                request, peer = self._socket.recvfrom(4096)
                self.requests.append(request)
                for one in self._say(request):
                    self._socket.sendto(one, peer)
            except OSError:
                return

    def close(self) -> None:
        self._socket.close()
