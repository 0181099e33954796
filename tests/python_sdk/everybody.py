"""Does what it is asked for on standard input, one line of JSON each, and answers
with one: many logins and one interpreter."""

import asyncio
import json
import sys

from apache_iggy import AutoLogin, IggyClient, TcpConfig
from client import ADDRESS, client, run


async def with_token(token):
    login = AutoLogin.personal_access_token(token)
    connected = IggyClient(TcpConfig(server_address=ADDRESS, auto_login=login))
    await connected.connect()
    return connected


async def is_let_in(connecting, user):
    """Whether the server lets somebody in, and that is this user."""
    try:
        connected = await connecting
    except Exception as error:
        text = str(error).lower()
        assert "credentials" in text or "token" in text or "unauthenticated" in text, text
        return False
    # Nobody here may read any user but itself.
    assert (await connected.get_user(user)).username == user
    return True


async def may_read(connected, stream):
    try:
        return (await connected.get_stream(stream)) is not None
    except Exception as error:
        assert "unauthorized" in str(error).lower(), error
        return False


async def passwords(pairs):
    return await asyncio.gather(*(is_let_in(client(*pair), pair[0]) for pair in pairs))


async def tokens(pairs):
    return await asyncio.gather(*(is_let_in(with_token(token), user) for user, token in pairs))


async def reads(user, password, streams):
    connected = await client(user, password)
    return [await may_read(connected, stream) for stream in streams]


async def reads_with_token(token, streams):
    connected = await with_token(token)
    return [await may_read(connected, stream) for stream in streams]


async def stream_id(name):
    return (await (await client()).get_stream(name)).id


async def delete_stream(name):
    await (await client()).delete_stream(name)


async def create_stream(name):
    await (await client()).create_stream(name)


REQUESTS = [
    passwords,
    tokens,
    reads,
    reads_with_token,
    stream_id,
    delete_stream,
    create_stream,
]


async def serve():
    requests = {request.__name__: request for request in REQUESTS}
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        name, arguments = json.loads(line)
        print(json.dumps(await requests[name](*arguments)), flush=True)


run(serve)
