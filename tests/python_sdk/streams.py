from client import client, refused, run


async def test():
    iggy = await client()
    await iggy.create_stream("orders")
    await iggy.create_stream("Orders")
    await refused(iggy.create_stream("orders"), "already exists")

    assert [stream.name for stream in await iggy.get_streams()] == ["orders", "Orders"]
    stream = await iggy.get_stream("orders")
    assert (stream.id, stream.name, stream.topics_count, stream.messages_count) == (0, "orders", 0, 0)
    assert await iggy.get_stream("nothing") is None

    await iggy.update_stream("orders", "sales")
    assert await iggy.get_stream("orders") is None
    assert (await iggy.get_stream("sales")).id == 0
    await refused(iggy.update_stream("sales", "Orders"), "already exists")
    # Renaming to its own name is no error.
    await iggy.update_stream("sales", "sales")

    await iggy.delete_stream("sales")
    await refused(iggy.delete_stream("sales"), "not found")
    await iggy.create_stream("again")
    assert (await iggy.get_stream("again")).id == 0, "the lowest free id is given again"


run(test)
