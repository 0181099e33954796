"""The Python SDK as a producer and a consumer; messages are printed as lines of JSON."""

import asyncio
import json
import os
import sys
import traceback

from apache_iggy import AutoLogin, Consumer, IggyClient, Partitioning, PollingStrategy
from apache_iggy import SendMessage, TcpConfig

ADDRESS, ROLE, *ARGUMENTS = sys.argv[1:]


async def produce(iggy, producer, count):
    messages = [
        SendMessage(f"{producer}-{number}", {"producer": producer})
        for number in range(int(count))
    ]
    reply = await iggy.send_messages("s", "t", Partitioning.partition_id(1), messages)
    assert [c.partition_id for c in reply.confirmations] == [1]


async def poll(iggy, consumer, count):
    polled = await iggy.poll_messages(
        "s",
        "t",
        partition_id=1,
        consumer=consumer,
        polling_strategy=PollingStrategy.Next(),
        count=int(count),
        auto_commit=True,
    )
    for message in polled:
        headers = message.user_headers()
        print(json.dumps({
            "offset": message.offset(),
            "payload": message.payload().decode(),
            "producer": headers and headers.to_scalar_dict().get("producer"),
        }))


async def consume(iggy, name, count):
    await poll(iggy, Consumer.Single(name), count)


async def consume_in_group(iggy, name, count):
    await iggy.join_consumer_group("s", "t", name)
    await poll(iggy, Consumer.Group(name), count)
    await iggy.leave_consumer_group("s", "t", name)


async def main():
    iggy = IggyClient(TcpConfig(server_address=ADDRESS, auto_login=AutoLogin.disabled()))
    await iggy.connect()
    await iggy.login_user("iggy", "iggy")
    roles = {"produce": produce, "consume": consume, "consume-in-group": consume_in_group}
    await roles[ROLE](iggy, *ARGUMENTS)


try:
    asyncio.run(main())
    code = 0
except BaseException:
    traceback.print_exc()
    code = 1
# Without the interpreter's own way out, see tests/python_sdk/client.py.
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)
