"""Sends a message each second, until Ctrl-C."""

import asyncio
import json
import os
from datetime import datetime, timezone

from apache_iggy import IggyClient, Partitioning, SendMessage

SERVER = os.environ.get("IGGY_CONNECTION_STRING", "iggy://iggy:iggy@127.0.0.1:8090")


async def main():
    iggy = IggyClient.from_connection_string(SERVER)
    await iggy.connect()
    number = 0
    while True:
        number += 1
        event = {
            "id": number,
            "text": f"message {number}",
            "ts": datetime.now(timezone.utc).isoformat(),
        }
        message = SendMessage(json.dumps(event))
        await iggy.send_messages(
            "getting-started", "events", Partitioning.partition_id(0), [message]
        )
        print(f"sent {number}", flush=True)
        await asyncio.sleep(1)


try:
    asyncio.run(main())
except KeyboardInterrupt:
    pass
# At once: the threads of the SDK (0.9.0) do not outlive the interpreter well.
os._exit(0)
