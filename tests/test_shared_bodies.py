"""Bodies are counted while anybody holds them, and everybody reads them from the beginning."""

from collections.abc import AsyncIterator

from proxy.shared_bodies import Reading, SharedBody, Tally


async def pieces_of(reading: AsyncIterator[bytes]) -> list[bytes]:
    return [piece async for piece in reading]


async def test_each_reads_it_from_the_beginning() -> None:
    body = SharedBody(Tally(), 0)
    body.add(b"one")
    body.add(b"two")
    first = Reading(body)
    assert await anext(first) == b"one"
    assert await pieces_of(Reading(body)) == [b"one", b"two"]
    assert await pieces_of(first) == [b"two"]


async def test_the_stream_goes_on_where_the_pieces_end() -> None:
    async def rest() -> AsyncIterator[bytes]:
        yield b"three"

    body = SharedBody(Tally(), 0)
    body.add(b"two")
    assert await pieces_of(Reading(body, rest())) == [b"two", b"three"]


def test_bytes_count_until_the_last_holder_lets_go() -> None:
    tally = Tally()
    body = SharedBody(tally, 10)
    body.add(b"12345")
    other = SharedBody(tally, 1)
    assert (body.size, other.size, tally.held) == (15, 1, 16)
    reading = Reading(body)
    del body
    assert tally.held == 16
    del reading
    assert tally.held == 1
