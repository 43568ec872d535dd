"""The server in a process of its own: prints its address, and ends when its standard input does."""

from __future__ import annotations

import argparse
import sys

from tests.instagram.graph_api.face import GraphApi


def main() -> None:
    """Serves until the standard input ends."""
    parser = argparse.ArgumentParser(description="A loopback Graph API and Cloudinary for tests.")
    parser.add_argument("--port", type=int, default=0, help="the port on 127.0.0.1; 0: any that is free")
    given = parser.parse_args()
    with GraphApi(given.port) as api:
        sys.stdout.write(f"{api.address}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
