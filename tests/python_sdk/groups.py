from client import client, refused, run


async def test():
    iggy = await client()
    await iggy.create_stream("orders")
    await iggy.create_topic("orders", "events", 3)
    await iggy.create_topic("orders", "other", 1)
    await iggy.create_consumer_group("orders", "events", "billing")
    # The same name on another topic is another group.
    await iggy.create_consumer_group("orders", "other", "billing")
    await refused(iggy.create_consumer_group("orders", "events", "billing"), "already exists")
    await refused(iggy.create_consumer_group("orders", "nothing", "billing"), "not found")

    group = await iggy.get_consumer_group("orders", "events", "billing")
    assert (group.name, group.partitions_count, group.members_count) == ("billing", 3, 0)
    assert await iggy.get_consumer_group("orders", "events", "nobody") is None

    await iggy.join_consumer_group("orders", "events", "billing")
    group = await iggy.get_consumer_group("orders", "events", "billing")
    assert group.members_count == 1
    assert sorted(group.members[0].partitions) == [0, 1, 2]
    await iggy.leave_consumer_group("orders", "events", "billing")
    assert (await iggy.get_consumer_group("orders", "events", "billing")).members_count == 0

    first = group.id
    await iggy.delete_consumer_group("orders", "events", "billing")
    await refused(iggy.delete_consumer_group("orders", "events", "billing"), "not found")
    await iggy.create_consumer_group("orders", "events", "billing")
    again = await iggy.get_consumer_group("orders", "events", "billing")
    assert again.id != first, "ids of groups are not given again"
    assert len(await iggy.get_consumer_groups("orders", "events")) == 1


run(test)
