from client import client, refused, run, unlogged


async def test():
    # Ping needs no login; everything else does.
    stranger = unlogged()
    await stranger.connect()
    await stranger.ping()
    await refused(stranger.get_streams(), "unauthenticated")

    await refused(client(password="wrong"), "invalid credentials")
    await refused(client(username="nobody"), "invalid credentials")

    connected = await client()
    await connected.ping()
    assert await connected.get_streams() == []
    await connected.logout_user()
    await refused(connected.get_streams(), "unauthenticated")
    await connected.login_user("iggy", "iggy")
    assert await connected.get_streams() == []


run(test)
