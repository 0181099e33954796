import sys

from client import ADDRESS, refused, run

from apache_iggy import AutoLogin, IggyClient, TcpConfig, TcpReconnectionConfig

TRUSTED, OTHER = sys.argv[2], sys.argv[3]


def over_tls(authority):
    return IggyClient(
        TcpConfig(
            server_address=ADDRESS,
            auto_login=AutoLogin.disabled(),
            tls_enabled=True,
            tls_ca_file=authority,
            reconnection=TcpReconnectionConfig(enabled=False),
        )
    )


async def test():
    client = over_tls(TRUSTED)
    await client.connect()
    await client.login_user("iggy", "iggy")
    await client.create_stream("orders")
    assert [stream.name for stream in await client.get_streams()] == ["orders"]

    await refused(over_tls(OTHER).connect(), "connection")


run(test)
