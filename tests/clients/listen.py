"""A client of the live protocol on the `websockets` library, versions 10 to 15.

Prints each text frame as one line, but for events about stores. Exit code: 0 after the events it was told to wait for, 1 at the deadline,
2 when the server refused or closed the connection.
"""

import argparse
import asyncio
import json
import sys

import websockets


def options(bearer):
    """The connection's options, whose names depend on the library's version."""
    version = int(websockets.__version__.split(".")[0])
    name = "additional_headers" if version >= 14 else "extra_headers"
    chosen = {name: {"Authorization": f"Bearer {bearer}"}} if bearer else {}
    if version >= 15:
        chosen["proxy"] = None  # it would else follow the environment's
    return chosen


async def listen(arguments):
    async with websockets.connect(arguments.url, **options(arguments.bearer)) as socket:
        for number, topic in enumerate(arguments.topics, start=1):
            await socket.send(json.dumps({"type": "subscribe", "id": number, "topic": topic}))
        events = 0
        while events < arguments.events:
            text = await socket.recv()
            frame = json.loads(text)
            # Not every event is about an order: a store that was opened a moment ago may be told of here, or not.
            if frame.get("event", {}).get("eventType") == "StoreUpdated":
                continue
            print(text, flush=True)
            events += frame["type"] == "event"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="ws://host:port/v1/live")
    parser.add_argument("topics", nargs="*", help="what to subscribe to; a tracking link needs nothing")
    parser.add_argument("--bearer", help="the token for the Authorization header")
    parser.add_argument("--events", type=int, default=1, help="how many events to wait for (default: 1)")
    parser.add_argument("--deadline", type=float, default=30, help="seconds (default: 30)")
    arguments = parser.parse_args()
    try:
        asyncio.run(asyncio.wait_for(listen(arguments), arguments.deadline))
    except asyncio.TimeoutError:
        sys.exit(1)
    except (websockets.WebSocketException, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
