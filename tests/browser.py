#!/usr/bin/env python3
"""Look at one local HTML file in headless Chromium, over the DevTools protocol on a pair of pipes (no port, no library).

usage: browser.py [--shots DIR] FILE.html

Prints one JSON document:
  requests   every URL that was asked for, but the file itself
  console    every message of the console and the log, and every exception
  images     [name, description] of each image in the accessibility tree
  headings   names of the headings, in order
  overflow   {width: pixels that the page is wider than the window}, at 360, 768 and 1280
  colours    background of the page in light and in dark
  pdf_pages  pages when printed on A4
--shots DIR writes light.png, dark.png, phone.png, print.pdf.
"""
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

LIMIT = 60  # seconds for any one answer


def find_chromium():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return name
    sys.exit(77)


class Browser:
    def __init__(self, profile):
        to_read, self.to = os.pipe()
        self.answers, from_write = os.pipe()
        args = [find_chromium(), "--headless=new", "--remote-debugging-pipe", "--user-data-dir=" + profile, "--no-first-run",
                "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-default-apps", "--disable-extensions", "--hide-scrollbars", "--force-device-scale-factor=1",
                "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND"]
        if os.geteuid() == 0:
            args.append("--no-sandbox")

        def fds():  # the browser reads 3 and writes 4
            a, b = os.dup(to_read), os.dup(from_write)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen(args, preexec_fn=fds, close_fds=False, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(from_write)
        self.n = 0
        self.rest = b""
        self.events = []
        self.session = None

    def message(self):
        while b"\0" not in self.rest:
            more = os.read(self.answers, 1 << 20)
            if not more:
                raise RuntimeError("the browser went away")
            self.rest += more
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **params):
        self.n += 1
        ask = {"id": self.n, "method": method, "params": params}
        if self.session:
            ask["sessionId"] = self.session
        os.write(self.to, json.dumps(ask).encode() + b"\0")
        while True:
            m = self.message()
            if m.get("id") == self.n:
                if "error" in m:
                    raise RuntimeError(f"{method}: {m['error']}")
                return m["result"]
            if "method" in m:
                self.events.append(m)

    def wait(self, method):
        while not any(e["method"] == method for e in self.events):
            m = self.message()
            if "method" in m:
                self.events.append(m)

    def attach(self):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log", "Accessibility"):
            self.call(domain + ".enable")

    def open(self, url):
        self.events.clear()
        self.call("Page.navigate", url=url)
        self.wait("Page.loadEventFired")

    def evaluate(self, expression):
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def size(self, width, height=900, mobile=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def scheme(self, value):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": value}])

    def shot(self, path):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        Path(path).write_bytes(base64.b64decode(data))

    def close(self):
        self.session = None
        try:
            self.call("Browser.close")
        except (RuntimeError, OSError):
            pass
        try:
            self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()


def text_of(node, key):
    return node.get(key, {}).get("value", "")


def look(file, shots):
    url = Path(file).resolve().as_uri()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        b = Browser(profile)
        try:
            b.attach()
            b.size(1280)
            b.scheme("light")
            b.open(url)
            nodes = [n for n in b.call("Accessibility.getFullAXTree")["nodes"] if not n.get("ignored")]
            overflow, colours = {}, {}
            for width in (360, 768, 1280):
                b.size(width)  # a phone would zoom out and hide it
                overflow[width] = b.evaluate("document.documentElement.scrollWidth - innerWidth")
            for scheme in ("light", "dark"):
                b.scheme(scheme)
                colours[scheme] = b.evaluate("getComputedStyle(document.body).backgroundColor")
                if shots:
                    b.shot(f"{shots}/{scheme}.png")
            b.scheme("light")
            if shots:
                b.size(360, 740, mobile=True)
                b.shot(f"{shots}/phone.png")
                b.size(1280)
            pdf = base64.b64decode(b.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, preferCSSPageSize=True)["data"])
            if shots:
                Path(f"{shots}/print.pdf").write_bytes(pdf)
            requests = [e["params"]["request"]["url"] for e in b.events if e["method"] == "Network.requestWillBeSent"]
            console = [e["params"] for e in b.events
                       if e["method"] in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")]
            return {
                "requests": [r for r in requests if r != url],
                "console": console,
                "images": [[text_of(n, "name"), text_of(n, "description")] for n in nodes
                           if text_of(n, "role") in ("image", "img", "SvgRoot", "graphics-document")],
                "headings": [text_of(n, "name") for n in nodes if text_of(n, "role") == "heading"],
                "overflow": overflow,
                "colours": colours,
                "pdf_pages": len(re.findall(rb"/Type\s*/Page\b", pdf)),
            }
        finally:
            b.close()


def main():
    args = sys.argv[1:]
    shots = None
    if args[:1] == ["--shots"]:
        shots = args[1]
        args = args[2:]
    if len(args) != 1:
        sys.exit(__doc__)
    json.dump(look(args[0], shots), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
