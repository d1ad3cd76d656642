"""Reads the answers that come down one connection. Bytes in, no sockets, no clock."""

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from proxy.errors import MaybeSent


class AnswerReader:
    """Strict: one answer per request, nothing after it. Interim (1xx) answers are passed over.

    Use: `expect(method)`, then `feed` until it says True. Head fields are valid once `head_done`.
    A reader that has raised is spent, and so is its connection.
    """

    def __init__(self, head_limit: int, body_limit: int) -> None:
        self._head_limit = head_limit
        self._body_limit = body_limit
        self._parser = HttpResponseParser(self)
        self.expect("GET")

    def expect(self, method: str) -> None:
        """Get ready for the answer to a request of this method."""
        self._bodiless = method == "HEAD"
        self._fault = ""
        self._wire = 0  # bytes since the last one that was kept or needed: head, then chunk framing and trailers
        self._pieces: list[bytes] = []
        self._body_size = 0
        self.held = 0  # body bytes not yet taken
        self.status = 0
        self.reason = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.head_done = False
        self.complete = False
        self.keep_alive = False

    def feed(self, data: bytes) -> bool:
        """True once the answer is complete. Raises MaybeSent when it can no longer become a good one."""
        self._wire += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            raise MaybeSent("the exchange switched protocols unasked") from None
        except HttpParserError as error:
            # A body after the answer to HEAD is read by nobody; the connection is not used again.
            if not (self._bodiless and self.complete):
                what = "bytes after the answer" if self.complete else f"the answer is not HTTP ({error})"
                raise MaybeSent(what) from None
        if self._fault and not (self._bodiless and self.complete):
            raise MaybeSent(self._fault)
        if self._wire > self._head_limit and not self.complete:
            part = "trailer" if self.head_done else "head"
            raise MaybeSent(f"the answer's {part} is larger than {self._head_limit} bytes")
        return self.complete

    def ended_by_close(self) -> bool:
        """At the end of the stream: True if that is how this answer's body ends (RFC 9112 section 6.3)."""
        if not self.head_done or self.complete:
            return False
        for name, value in self.headers:
            lowered = name.lower()
            if lowered == b"content-length":
                return False
            if lowered == b"transfer-encoding" and value.lower().rstrip().endswith(b"chunked"):
                return False
        self.complete = True
        return True

    def take(self) -> bytes:
        """The body bytes that came since the last take."""
        pieces = self._pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._pieces = []
        self.held = 0
        return body

    def close(self) -> None:
        """The connection is gone: let go of the parser, which holds this object."""
        del self._parser

    # The parser calls these. They note faults instead of raising, so that the text stays ours.

    def on_message_begin(self) -> None:
        if self.complete:
            self._fault = "bytes after the answer"

    def on_status(self, reason: bytes) -> None:
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.head_done:  # afterwards: trailers, which nobody may mistake for headers
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            if status < 100 or status == 101:
                self._fault = f"an answer with status {status}"
            return
        if self._wire > self._head_limit:
            head = sum(len(name) + len(value) + 4 for name, value in self.headers) + len(self.reason)
            if head > self._head_limit:
                self._fault = f"the answer's head is larger than {self._head_limit} bytes"
        self._wire = 0
        self.status = status
        self.head_done = True
        if self._bodiless:
            self.complete = True  # keep_alive stays False: the parser waits for a body that does not come

    def on_body(self, piece: bytes) -> None:
        if self._bodiless:
            return
        self._wire = 0
        size = len(piece)
        self._body_size += size
        if self._body_size > self._body_limit:
            self._fault = f"the answer's body is larger than {self._body_limit} bytes"
            return
        self._pieces.append(piece)
        self.held += size

    def on_message_complete(self) -> None:
        if not self.head_done:  # an interim answer
            self.headers = []
            self.reason = b""
            return
        if not self._bodiless:
            self.keep_alive = self._parser.should_keep_alive()
            self.complete = True
