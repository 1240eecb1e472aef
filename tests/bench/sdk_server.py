"""The control of test_mcp.py: the smallest server that the MCP SDK makes, a process of its own on stdio."""

import anyio
import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

NOTHING: dict[str, object] = {"type": "object", "properties": {}}


async def _list(_: object, __: object) -> types.ListToolsResult:
    return types.ListToolsResult(tools=[types.Tool(name="nothing", input_schema=NOTHING)])


async def _call(_: object, __: object) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text="nothing")])


async def _serve() -> None:
    server = Server("control", on_list_tools=_list, on_call_tool=_call)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


if __name__ == "__main__":
    anyio.run(_serve)
