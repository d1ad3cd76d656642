"""Bodies in memory that several bots read, counted in sum for as long as anybody holds them."""

from collections.abc import AsyncIterator


class Tally:
    """Bytes held now by all bodies that count here."""

    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held = 0


class SharedBody:
    """The pieces of a body. `size` counts what stands beside them too (`size` at the start)."""

    __slots__ = ("_tally", "pieces", "size")

    def __init__(self, tally: Tally, size: int) -> None:
        self._tally = tally
        self.pieces: list[bytes] = []
        self.size = size
        tally.held += size

    def add(self, piece: bytes) -> None:
        self.pieces.append(piece)
        self.size += len(piece)
        self._tally.held += len(piece)

    def __del__(self) -> None:
        self._tally.held -= self.size


class Reading:
    """One bot's way through a body: its pieces, then the stream that follows them, if one does."""

    def __init__(self, body: SharedBody, rest: AsyncIterator[bytes] | None = None) -> None:
        self._body = body
        self._rest = rest
        self._at = 0

    def __aiter__(self) -> "Reading":
        return self

    async def __anext__(self) -> bytes:
        if self._at < len(self._body.pieces):
            self._at += 1
            return self._body.pieces[self._at - 1]
        if self._rest is None:
            raise StopAsyncIteration
        return await anext(self._rest)
