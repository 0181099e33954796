from datetime import timedelta

from apache_iggy import Durability, IggyExpiry, MaxTopicSize

from client import client, refused, run

WEEK = timedelta(days=7)


async def test():
    iggy = await client()
    await refused(iggy.create_topic("orders", "events", 1), "not found")
    assert await iggy.get_topics("orders") == [], "an empty list for a missing stream"
    await iggy.create_stream("orders")

    await iggy.create_topic("orders", "plain", 1)
    plain = await iggy.get_topic("orders", "plain")
    assert isinstance(plain.message_expiry, IggyExpiry.NeverExpire), plain.message_expiry
    assert isinstance(plain.max_topic_size, MaxTopicSize.Unlimited), plain.max_topic_size
    assert plain.compression_algorithm == "none", plain.compression_algorithm

    await iggy.create_topic(
        "orders", "events", 6,
        compression_algorithm="gzip",
        message_expiry=IggyExpiry.ExpireDuration(WEEK),
        max_topic_size=MaxTopicSize.Custom(10 * 1024**3),
        segment_size=256 * 1024**2,
        durability=Durability.PERSISTED,
        messages_required_to_save=5000,
    )
    topic = await iggy.get_topic("orders", "events")
    assert (topic.id, topic.name, topic.partitions_count) == (1, "events", 6)
    assert topic.message_expiry.duration == WEEK
    assert topic.max_topic_size.bytes == 10 * 1024**3
    assert topic.compression_algorithm == "gzip"
    assert [partition.id for partition in topic.partitions] == [0, 1, 2, 3, 4, 5]
    await refused(iggy.create_topic("orders", "events", 1), "already exists")

    # An update is a patch: what is not named stays.
    await iggy.update_topic("orders", "events", "facts", message_expiry=IggyExpiry.NeverExpire())
    assert await iggy.get_topic("orders", "events") is None
    topic = await iggy.get_topic("orders", "facts")
    assert isinstance(topic.message_expiry, IggyExpiry.NeverExpire)
    assert topic.max_topic_size.bytes == 10 * 1024**3

    await refused(iggy.create_topic("orders", "many", 1001), "too many partitions")
    await refused(iggy.create_topic("orders", "small", 1, max_topic_size=MaxTopicSize.Custom(1024)), "size")
    await refused(iggy.create_topic("orders", "unknown", 1, options={"no_such_key": "1"}))
    assert [topic.name for topic in await iggy.get_topics("orders")] == ["plain", "facts"]

    await iggy.delete_topic("orders", "facts")
    await refused(iggy.delete_topic("orders", "facts"), "not found")


run(test)
