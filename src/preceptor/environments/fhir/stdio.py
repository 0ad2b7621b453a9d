"""The record's tools over standard input and output.

``python -m preceptor.environments.fhir.stdio`` is for agents that start a server of tools and
cannot be given an address: calls are handed on to the one in ``PRECEPTOR_MCP_URL``, whose log is
the transcript.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import mcp_types as types
from mcp import Client
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from preceptor.version import VERSION

__all__ = ["handed_on", "main"]


def handed_on(record: Client) -> Server[Any]:
    """A server with the tools of another one."""

    async def list_tools(ctx: Any, params: Any) -> types.ListToolsResult:
        return await record.list_tools()

    async def call_tool(ctx: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        return await record.call_tool(params.name, params.arguments)

    return Server("preceptor", version=VERSION, on_list_tools=list_tools, on_call_tool=call_tool)


async def _serve(address: str) -> None:
    async with Client(address) as record, stdio_server() as (asked, said):
        server = handed_on(record)
        await server.run(asked, said, server.create_initialization_options())


def main() -> int:
    address = os.environ.get("PRECEPTOR_MCP_URL")
    if not address:
        print("error: PRECEPTOR_MCP_URL: not set: a run sets it for its agents", file=sys.stderr)
        return 2
    asyncio.run(_serve(address))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
