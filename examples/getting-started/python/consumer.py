"""Shows the messages, from where it stopped the last time, until Ctrl-C."""

import asyncio
import json
import os

from apache_iggy import Consumer, IggyClient, PollingStrategy

SERVER = os.environ.get("IGGY_CONNECTION_STRING", "iggy://iggy:iggy@127.0.0.1:8090")


async def main():
    iggy = IggyClient.from_connection_string(SERVER)
    await iggy.connect()
    while True:
        messages = await iggy.poll_messages(
            "getting-started",
            "events",
            partition_id=0,
            consumer=Consumer.Single("reader"),  # the same as the one in Rust
            polling_strategy=PollingStrategy.Next(),  # after the stored offset
            count=100,
            auto_commit=True,  # and stores where these end
        )
        for message in messages:
            event = json.loads(message.payload())
            print(f"offset {message.offset()}: {event['id']}, {event['text']}, {event['ts']}", flush=True)
        await asyncio.sleep(0.5)


try:
    asyncio.run(main())
except KeyboardInterrupt:
    pass
# At once: the threads of the SDK (0.9.0) do not outlive the interpreter well.
os._exit(0)
