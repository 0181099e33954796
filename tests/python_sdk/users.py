from apache_iggy import (
    GlobalPermissions,
    Permissions,
    StreamPermissions,
    TopicPermissions,
    UserStatus,
)
from client import client, refused, run


async def test():
    root = await client()
    await root.create_stream("orders")
    await root.create_stream("payments")
    await root.create_topic("orders", "events", 3)
    assert (await root.get_stream("payments")).id == 1

    # A user with nothing is let in, and refused everything but itself.
    bob = await root.create_user("bob", "bobs-password")
    assert (bob.id, bob.status) == (1, UserStatus.Active)
    await refused(client("bob", "wrong-password"), "invalid credentials")
    bob = await client("bob", "bobs-password")
    await refused(bob.get_streams(), "unauthorized")
    await refused(bob.get_stream("orders"), "unauthorized")
    await refused(bob.create_stream("more"), "unauthorized")
    await refused(bob.get_users(), "unauthorized")
    assert (await bob.get_user("bob")).username == "bob"

    # With a grant on one stream and on one topic, exactly that, at once.
    await root.update_permissions(
        "bob",
        Permissions(
            streams={
                0: StreamPermissions(topics={0: TopicPermissions(read_topic=True)}),
                1: StreamPermissions(manage_stream=True),
            }
        ),
    )
    assert (await bob.get_topic("orders", "events")).partitions_count == 3
    await refused(bob.get_stream("orders"), "unauthorized")
    await refused(bob.delete_topic("orders", "events"), "unauthorized")
    await bob.create_topic("payments", "events", 1)
    await bob.update_stream("payments", "payouts")
    read = (await root.get_user("bob")).permissions
    assert read.streams[0].topics[0].read_topic
    assert not read.streams[0].read_stream

    # Server-wide.
    await root.create_user(
        "ann",
        "anns-password",
        permissions=Permissions(GlobalPermissions(read_streams=True)),
    )
    ann = await client("ann", "anns-password")
    assert [stream.name for stream in await ann.get_streams()] == ["orders", "payouts"]
    await refused(ann.delete_stream("orders"), "unauthorized")

    # Passwords change with the current one; the old one is refused from then on.
    await refused(bob.change_password("bob", "wrong", "newer-password"), "credentials")
    await bob.change_password("bob", "bobs-password", "newer-password")
    await refused(client("bob", "bobs-password"), "invalid credentials")
    await client("bob", "newer-password")

    # Nobody logs in while inactive; who is in stays in.
    await root.update_user("bob", status=UserStatus.Inactive)
    await refused(client("bob", "newer-password"), "invalid credentials")
    await bob.get_topic("orders", "events")

    await refused(root.create_user("ann", "anns-password"), "already exists")
    await root.delete_user("bob")
    await refused(bob.get_topic("orders", "events"), "unauthorized")
    assert [user.username for user in await root.get_users()] == ["iggy", "ann"]


run(test)
