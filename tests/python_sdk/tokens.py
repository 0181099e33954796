from apache_iggy import (
    AutoLogin,
    GlobalPermissions,
    IggyClient,
    Permissions,
    TcpConfig,
    UserStatus,
)
from client import ADDRESS, client, refused, run

CREATE_TOKEN = 42
DELETE_TOKEN = 43


def named(name):
    return bytes([len(name)]) + name.encode()


async def create_token(connected, name):
    """The SDK has no call of its own for it."""
    never = (0).to_bytes(8, "little")
    reply = await connected.send_binary_request(CREATE_TOKEN, named(name) + never)
    return reply[1:].decode()


async def with_token(token):
    login = AutoLogin.personal_access_token(token)
    connected = IggyClient(TcpConfig(server_address=ADDRESS, auto_login=login))
    await connected.connect()
    return connected


async def test():
    root = await client()
    may_read = Permissions(GlobalPermissions(read_streams=True))
    await root.create_user("bob", "bobs-password", permissions=may_read)
    bob = await client("bob", "bobs-password")
    token = await create_token(bob, "ci")
    assert len(token) == 68

    # It is bob who comes in with it, with what bob may do.
    by_token = await with_token(token)
    assert await by_token.get_streams() == []
    await refused(by_token.create_stream("orders"), "unauthorized")
    await refused(create_token(bob, "ci"), "already exists")
    await refused(with_token(token[:-2] + "!!"), "token")

    # Not while bob is inactive, and not after the token is deleted.
    await root.update_user("bob", status=UserStatus.Inactive)
    await refused(with_token(token), "unauthenticated")
    await root.update_user("bob", status=UserStatus.Active)
    await with_token(token)
    await bob.send_binary_request(DELETE_TOKEN, named("ci"))
    await refused(with_token(token), "token")

    # Nor after bob is, even when somebody else has the id.
    token = await create_token(bob, "ci")
    await with_token(token)
    await root.delete_user("bob")
    await refused(with_token(token), "token")
    assert (await root.create_user("ann", "anns-password")).id == 1
    await refused(with_token(token), "token")


run(test)
