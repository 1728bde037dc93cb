"""A browser without a window, driven over its DevTools protocol: what a page's tests look through.

https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
)
_PATIENCE = 60.0
"""Seconds to wait for anything."""


def missing() -> str | None:
    """What keeps a browser from being driven here, or None."""
    if not any(map(shutil.which, NAMES)):
        return f"no browser: none of {', '.join(NAMES)} is on the path"
    try:
        import websocket  # noqa: F401
    except ImportError:
        return "websocket-client is not installed: pip install -e .[test]"
    return None


class Browser:
    """A browser with one page open, which cannot reach any network.

    Attributes
    ----------
    errors
        What the page's scripts raised or complained about.
    requests
        Addresses that the page asked for.
    """

    def __init__(self, width: int = 1400, height: int = 900) -> None:
        import websocket

        command = next(filter(None, map(shutil.which, NAMES)))
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        size = f"--window-size={width},{height}"
        self._process = subprocess.Popen(
            [command, *_SWITCHES, size, f"--user-data-dir={self._folder.name}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._number = 0
        try:
            port = Path(self._folder.name, "DevToolsActivePort")
            self.wait(lambda: port.is_file() and port.read_text().count("\n"))
            address = f"http://127.0.0.1:{port.read_text().split()[0]}/json"
            with urllib.request.urlopen(address, timeout=_PATIENCE) as answer:
                pages = [p for p in json.load(answer) if p["type"] == "page"]
            address = pages[0]["webSocketDebuggerUrl"]
            self._socket = websocket.create_connection(address, timeout=_PATIENCE)
        except BaseException:
            self._stop()
            raise
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)  # fmt: skip

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *details: object) -> None:
        self._socket.close()
        self._stop()

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def call(self, method: str, **settings: Any) -> Any:
        """Call a method of the protocol."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": settings}))
        while True:
            told = json.loads(self._socket.recv())
            if told.get("id") == self._number:
                if "error" in told:
                    raise RuntimeError(f"{method}: {told['error']['message']}")
                return told["result"]
            self._note(told)

    def _note(self, told: dict[str, Any]) -> None:
        settings = told.get("params", {})
        match told.get("method"):
            case "Runtime.exceptionThrown":
                self.errors.append(str(settings["exceptionDetails"]))
            case "Log.entryAdded" if settings["entry"]["level"] == "error":
                self.errors.append(settings["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requests.append(settings["request"]["url"])

    def open(self, page: Path) -> None:
        """Open a file."""
        self.call("Network.emulateNetworkConditions", offline=True, latency=0,
                  downloadThroughput=0, uploadThroughput=0)  # fmt: skip
        self.call("Page.navigate", url=page.as_uri())
        self.wait(lambda: self.run("document.readyState") == "complete")

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(f"{script}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def wait(self, is_done: Callable[[], object]) -> None:
        """Wait until something is so."""
        end = time.monotonic() + _PATIENCE
        while not is_done():
            if time.monotonic() > end:
                raise TimeoutError("the browser does not answer")
            time.sleep(0.02)

    def middle(self, selector: str) -> tuple[float, float]:
        """Where the middle of an element is."""
        script = f"(() => {{ const b = document.querySelector({json.dumps(selector)})"
        script += ".getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        x, y = self.run(script)
        return x, y

    def mouse(self, kind: str, x: float, y: float, **settings: Any) -> None:
        """Move, press or release the mouse, or turn its wheel."""
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **settings)

    def click(self, selector: str, times: int = 1) -> None:
        """Click an element with the mouse, in its middle."""
        x, y = self.middle(selector)
        self.mouse("mouseMoved", x, y)
        for count in range(1, times + 1):
            for kind in ("mousePressed", "mouseReleased"):
                self.mouse(kind, x, y, button="left", clickCount=count)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press the mouse in one place and release it in another one."""
        self.mouse("mouseMoved", *start)
        self.mouse("mousePressed", *start, button="left", clickCount=1)
        for share in (0.25, 0.5, 0.75, 1.0):
            x, y = (a + (b - a) * share for a, b in zip(start, end, strict=True))
            self.mouse("mouseMoved", x, y, button="left", buttons=1)
        self.mouse("mouseReleased", *end, button="left", clickCount=1)

    def wheel(self, place: tuple[float, float], amount: float) -> None:
        """Turn the wheel."""
        self.mouse("mouseWheel", *place, deltaX=0, deltaY=amount)

    def picture(self) -> bytes:
        """What is to be seen, as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
