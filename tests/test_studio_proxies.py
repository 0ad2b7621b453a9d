"""Live answers in a browser behind a hospital's proxy that holds back or cuts what is streamed."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from preceptor.studio.people import sessions
from preceptor.testing import FakeEndpoint
from studio_harness import House, served
from test_studio_authoring import Author

#: Of the page's script: a stream that is silent for so long is given up; then it asks so often.
SILENCE_MS, POLL_MS = 25_000, 1_500
OBSERVE = """() => {
  window.seen = [];
  new MutationObserver(() => {
    const log = document.querySelector("[data-stream] [role=log]");
    if (log && log.textContent) window.seen.push(log.textContent);
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""


class Proxy(ThreadingHTTPServer):
    """Passes on what browsers ask; a stream of events as it is told to.

    ``how``: ``holds`` it back until it ends, or ``cuts`` it after its first bytes.
    """

    daemon_threads = True

    def __init__(self, address: str, how: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target, self.how = address.rstrip("/").rpartition("/")[2], how
        #: Streams that began, and that the browser got whole.
        self.streams, self.polls = 0, 0

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away is no error."""


class _Handler(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length) if length else None
        self.server.polls += "poll=1" in self.path
        with contextlib.closing(http.client.HTTPConnection(self.server.target)) as upstream:
            upstream.request(self.command, self.path, body, dict(self.headers.items()))
            answer = upstream.getresponse()
            is_stream = answer.headers.get_content_type() == "text/event-stream"
            self.server.streams += is_stream
            cuts = is_stream and self.server.how == "cuts"
            content = answer.read1() if cuts else answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        # Whoever cuts a stream leaves it without its end.
        self.send_header("Content-Length", str(len(content) + cuts))
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = cuts

    do_POST = do_GET


@contextlib.contextmanager
def proxied(address: str, how: str) -> Iterator[Proxy]:
    with Proxy(address, how) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.01,))
        thread.start()
        yield proxy
        proxy.shutdown()
        thread.join()


@pytest.mark.parametrize("how", ["holds", "cuts"])
def test_an_answer_is_whole_whatever_a_proxy_does_to_its_stream(
    how: str, chromium: Any, tmp_path: Path
) -> None:
    """It grows on the page by asking for what is new, nothing twice, and is what is kept."""
    with FakeEndpoint(pace=0.15) as fake:
        house = House(tmp_path, systems=(fake.address("m"),), store=tmp_path / "runs.db")
        author = Author(house)
        author.do("save", t__0="My ear hurts. Name every number from 1 to 9.")
        secret, _ = house.studio.write_now(
            lambda c: sessions.begin(c, house.people["author"], house.now, house.accounts.limits)
        )
        with served(house) as address, proxied(address, how) as proxy:
            here = f"http://127.0.0.1:{proxy.server_port}"
            context = chromium.new_context()
            context.add_cookies([{"name": house.cookie, "value": secret, "url": here}])
            page = context.new_page()
            page.clock.install()
            page.goto(here + author.address)
            page.evaluate(OBSERVE)
            page.click("button[value=ask]")
            page.wait_for_selector("[data-stream]")
            page.clock.fast_forward(SILENCE_MS + 1)
            give_up = time.monotonic() + 60
            while page.query_selector("[data-stream]") and time.monotonic() < give_up:
                page.clock.run_for(POLL_MS)
                page.wait_for_timeout(30)
            [answer] = [each.text for each in _answers(house)]
            assert answer in page.inner_text("#conversation-part, #main")
            seen = page.evaluate("window.seen")
            context.close()
    assert proxy.streams == 1
    assert proxy.polls > 1
    assert seen
    assert all(answer.startswith(text) for text in seen)
    assert any(text != answer for text in seen)
    assert house.told == []
    house.close()


def _answers(house: House) -> list[Any]:
    from preceptor.studio.items.tables import answers

    with house.studio.read() as connection:
        return list(connection.execute(answers.select()))
