from client import client, run

KEYS = {
    "compression_algorithm", "message_expiry", "max_topic_size", "segment_size",
    "durability", "consumer_offset_durability", "messages_required_to_save",
    "size_of_messages_required_to_save", "preallocate_segments",
}


async def test():
    iggy = await client()
    await iggy.create_stream("orders")
    await iggy.create_topic("orders", "events", 3)
    await iggy.create_consumer_group("orders", "events", "billing")
    stats = await iggy.get_stats()
    counted = (stats.streams_count, stats.topics_count, stats.partitions_count, stats.consumer_groups_count)
    assert counted == (1, 1, 3, 1), counted
    assert stats.clients_count >= 1

    options = {option.key: option for option in await iggy.describe_options("topic")}
    assert set(options) == KEYS, set(options) ^ KEYS
    assert await iggy.describe_options("stream") == []


run(test)
