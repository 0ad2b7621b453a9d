"""The tools of a record over MCP: streamable HTTP, each call answered by one text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from preceptor.environments.fhir.served import ServedRecord
from preceptor.version import VERSION

__all__ = ["session_manager"]

#: Seconds without a request after which a client's session is forgotten.
_IDLE_S = 600


def session_manager(episodes: Mapping[str, ServedRecord]) -> StreamableHTTPSessionManager:
    """What answers requests whose path has the name of an episode."""

    def record(ctx: Any) -> ServedRecord:
        return episodes[ctx.request.path_params["episode"]]

    async def list_tools(ctx: Any, params: Any) -> types.ListToolsResult:
        offered = record(ctx).tools_over_mcp.tools
        return types.ListToolsResult(
            tools=[
                types.Tool(
                    name=each.name, description=each.description, input_schema=each.parameters
                )
                for each in offered
            ]
        )

    async def call_tool(ctx: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        # By the protocol, an id is used once in a session: what has it again was sent again.
        session = ctx.request.headers.get("mcp-session-id")
        once = session and f"mcp {session} {ctx.request_id}"
        result = await record(ctx).call(params.name, params.arguments or {}, once)
        text = types.TextContent(type="text", text=result.text)
        return types.CallToolResult(content=[text], is_error=result.failed)

    server = Server(
        "preceptor",
        version=VERSION,
        instructions="A health record for one task. End it with the tool finish.",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
    return StreamableHTTPSessionManager(server, json_response=True, session_idle_timeout=_IDLE_S)
