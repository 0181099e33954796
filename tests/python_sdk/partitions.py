from client import client, refused, run


async def test():
    iggy = await client()
    await iggy.create_stream("orders")
    await iggy.create_topic("orders", "events", 2)

    async def ids():
        return [partition.id for partition in (await iggy.get_topic("orders", "events")).partitions]

    await iggy.create_partitions("orders", "events", 3)
    assert await ids() == [0, 1, 2, 3, 4]
    await iggy.delete_partitions("orders", "events", 2)
    assert await ids() == [0, 1, 2], "the highest go"
    await refused(iggy.delete_partitions("orders", "events", 4), "partitions")
    await refused(iggy.create_partitions("orders", "events", 0))
    await refused(iggy.create_partitions("orders", "events", 1001), "too many partitions")
    await refused(iggy.create_partitions("orders", "nothing", 1), "not found")
    await iggy.delete_partitions("orders", "events", 3)
    assert await ids() == [], "a topic without partitions is legal"


run(test)
