"""A real browser, driven over Chromium's debugging pipe: no driver, no package, no port."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-pipe",
)


class BrowserError(AssertionError):
    """What the browser answers where it cannot do what it is asked."""


class Browser:
    """One page, or several in tabs. `requests` are the addresses they asked for, `complaints` what
    their consoles said; `tab` is the one that is spoken to. `flags`: more words for Chromium."""

    def __init__(self, *flags: str) -> None:
        assert CHROMIUM is not None
        self._profile = tempfile.mkdtemp(prefix="btrmd-browser-")
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        self._in, self._out = ours_in, ours_out
        # The browser reads descriptor 3 and writes descriptor 4.
        shell = f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}'
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", shell, CHROMIUM, *FLAGS, *flags,
             f"--user-data-dir={self._profile}"],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)
        self._buffer = b""
        self._id = 0
        self._answers: dict[int, dict[str, Any] | None] = {}  # by the number of what was asked
        self.tab = ""  # none: the browser itself
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._octets: dict[tuple[object, object], int] = {}  # of each (session, request)
        self.tab = self._open_tab()[1]

    def _open_tab(self) -> tuple[str, str]:
        """Target and session of one more page, in a window of its own: none hides another."""
        target = str(
            self.call("Target.createTarget", url="about:blank", newWindow=True)["targetId"]
        )
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        own, self.tab = self.tab, str(session)
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.tab = own
        return target, str(session)

    @contextmanager
    def tabs(self, count: int) -> Iterator[list[str]]:
        """So many pages, the one that is there first; the others are closed at the end."""
        own, self.tab = self.tab, ""
        more = [self._open_tab() for _ in range(count - 1)]
        yield [own, *(session for _, session in more)]
        self.tab = ""
        for target, _ in more:
            self.call("Target.closeTarget", targetId=target)
        self.tab = own

    def close(self) -> None:
        self.tab = ""
        try:
            self.call("Browser.close")
            self._process.wait(10)
        except (OSError, EOFError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._in)
        os.close(self._out)
        shutil.rmtree(Path(self._profile), ignore_errors=True)

    def use(self, tab: str) -> None:
        """From now on speak to another tab."""
        self.tab = tab

    def open(self, address: str) -> None:
        self.begin_to_open(address)
        self.wait_until_open()

    def begin_to_open(self, address: str) -> None:
        self.call("Page.navigate", url=address)

    def wait_until_open(self) -> None:
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def weigh(self, address: str, until: str) -> int:
        """Octets that its network layer took, heads and compressed bodies, from before the page is
        opened until the expression `until` is true: those of the page and of its shared worker."""
        page, self.tab = self.tab, ""
        self.call(
            "Target.setAutoAttach",
            autoAttach=True,
            waitForDebuggerOnStart=True,
            flatten=True,
            filter=[{"type": "shared_worker"}],
        )
        self.tab = page
        self._octets.clear()
        self.open(address)
        self.wait(until)
        return sum(self._octets.values())

    def _watch_worker(self, session: str) -> None:
        """A worker waits until its requests are seen."""
        for method in ("Network.enable", "Runtime.runIfWaitingForDebugger"):
            self._id += 1
            message = {"id": self._id, "method": method, "params": {}, "sessionId": session}
            os.write(self._out, json.dumps(message).encode() + b"\0")

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression on the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        return answer["result"].get("value")

    def wait(self, script: str, seconds: float = 10.0) -> None:
        """Until an expression is true."""
        deadline = time.monotonic() + seconds
        while not self._is_true(script):
            assert time.monotonic() < deadline, f"{script} did not become true"
            self._read(0.05)

    def _is_true(self, script: str) -> bool:
        """An expression on a page that may be about to be left: then nothing is true of it."""
        try:
            return bool(self.run(script))
        except BrowserError as error:
            if "navigated or closed" not in str(error):
                raise
            return False

    def call(self, method: str, **params: object) -> dict[str, Any]:
        return self._answer(self._send(self.tab, method, params), method)

    def call_at_once(
        self, tabs: Sequence[str], method: str, **params: object
    ) -> list[dict[str, Any]]:
        """The same of each tab, side by side; the answers in their order."""
        numbers = [self._send(tab, method, params) for tab in tabs]
        return [self._answer(number, method) for number in numbers]

    def _send(self, tab: str, method: str, params: dict[str, object]) -> int:
        self._id += 1
        message: dict[str, object] = {"id": self._id, "method": method, "params": params}
        if tab:
            message["sessionId"] = tab
        self._answers[self._id] = None
        os.write(self._out, json.dumps(message).encode() + b"\0")
        return self._id

    def _answer(self, number: int, method: str) -> dict[str, Any]:
        deadline = time.monotonic() + 20.0
        while (answer := self._answers[number]) is None:
            if time.monotonic() >= deadline:
                raise TimeoutError(f"the browser did not answer {method}")
            self._read(1.0)
        del self._answers[number]
        if "error" in answer:
            raise BrowserError(str(answer))
        return dict(answer["result"])

    def _read(self, seconds: float) -> None:
        """Take the messages that come within `seconds`: answers, and what the pages did."""
        if not select.select([self._in], [], [], seconds)[0]:
            return
        data = os.read(self._in, 65536)
        if not data:
            raise EOFError("the browser is gone")
        *complete, self._buffer = (self._buffer + data).split(b"\0")
        messages = [json.loads(message) for message in complete]
        for message in messages:
            params = message.get("params", {})
            if message.get("id") in self._answers:
                self._answers[message["id"]] = message
            elif message.get("method") == "Network.requestWillBeSent":
                url = params["request"]["url"]
                if not url.startswith("data:"):  # it carries what it names: nobody is asked
                    self.requests.append(url)
            elif message.get("method", "").startswith("Network."):
                self._count_octets(message)
            elif message.get("method") == "Target.attachedToTarget":
                if params["targetInfo"]["type"] == "shared_worker":
                    self._watch_worker(params["sessionId"])
            elif message.get("method") == "Runtime.exceptionThrown":
                self.complaints.append(str(params["exceptionDetails"]))
            elif message.get("method") == "Log.entryAdded":
                self.complaints.append(str(params["entry"]["text"]))

    def _count_octets(self, message: dict[str, Any]) -> None:
        params = message["params"]
        request = (message.get("sessionId"), params.get("requestId"))
        if message["method"] == "Network.responseReceived":  # the head
            self._octets[request] = params["response"]["encodedDataLength"]
        elif message["method"] == "Network.dataReceived":
            self._octets[request] = self._octets.get(request, 0) + params["encodedDataLength"]
        elif message["method"] == "Network.loadingFinished":  # all of it
            self._octets[request] = params["encodedDataLength"]
