"""What the scripts share: a client that is logged in, and refusals."""

import asyncio
import os
import sys
import traceback

from apache_iggy import AutoLogin, IggyClient, TcpConfig

ADDRESS = sys.argv[1]


def unlogged():
    return IggyClient(TcpConfig(server_address=ADDRESS, auto_login=AutoLogin.disabled()))


async def client(username="iggy", password="iggy"):
    connected = unlogged()
    await connected.connect()
    await connected.login_user(username, password)
    return connected


async def refused(call, *words):
    """The call must raise, with all the words in its text."""
    try:
        await call
    except Exception as error:
        for word in words:
            assert word.lower() in str(error).lower(), f"{word!r} is not in {error!r}"
        return str(error)
    raise AssertionError(f"was not refused (expected {words})")


def run(test):
    try:
        asyncio.run(test())
        code = 0
    except BaseException:
        traceback.print_exc()
        code = 1
    # Without the interpreter's own way out: threads of the SDK are still alive
    # then, and now and then one calls into an interpreter that is gone (0.9.0
    # aborts), after all of the test is over.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
