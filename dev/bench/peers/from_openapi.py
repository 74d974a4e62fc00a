"""The server that FastMCP makes from an OpenAPI document, without a line of one's own."""

import argparse
import os

import httpx2
from fastmcp import FastMCP  # type: ignore[import-not-found]  # only in the peer's environment
from openapi import document  # type: ignore[import-not-found]  # beside this file, which is run as a script

client = httpx2.AsyncClient(
    base_url=os.environ["POSTHOG_HOST"],
    headers={"Authorization": f"Bearer {os.environ['POSTHOG_PERSONAL_API_KEY']}"},
)
server = FastMCP.from_openapi(document(), client=client, name="projects")

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, help="serve over Streamable HTTP instead of stdio")
    port: int | None = parser.parse_args().port
    if port is None:
        server.run(show_banner=False)
    else:
        server.run("http", port=port, stateless_http=True, show_banner=False, uvicorn_config={"access_log": False})
