"""Creates are not idempotent: of eight at the same time, one succeeds."""

import asyncio

from client import client, run


async def test():
    clients = [await client() for _ in range(8)]
    results = await asyncio.gather(
        *(iggy.create_stream("orders") for iggy in clients), return_exceptions=True
    )
    refusals = [result for result in results if isinstance(result, Exception)]
    assert len(refusals) == 7, results
    assert all("already exists" in str(refusal) for refusal in refusals), refusals
    assert len(await clients[0].get_streams()) == 1


run(test)
