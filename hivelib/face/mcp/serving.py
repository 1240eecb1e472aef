"""MCP as the SDK speaks it, over a connection of ours: one server for agents, one for the manager."""

from typing import Any

import mcp_types as types
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

import hivelib
from hivelib.base.text import shortened
from hivelib.face.mcp import tools, wire
from hivelib.face.mcp.connection import Connection, Incoming, Outgoing
from hivelib.flow.opening import Hive

Context = ServerRequestContext[Any, Any]


def server_for(hive: Hive, role: str) -> Server[Any]:
    """The MCP server that all connections of a role share; a call's connection comes with its message."""
    described = types.ListToolsResult(tools=tools.described(role))

    async def list_tools(
        context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return described

    async def call_tool(context: Context, params: types.CallToolRequestParams) -> Any:
        connection, request_id = context.request, context.request_id
        assert isinstance(connection, Connection) and request_id is not None
        return await tools.call(hive, connection, request_id, params.name, params.arguments or {})

    server: Server[Any] = Server(
        "hyperhive",
        version=hivelib.__version__,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
    server.middleware = [_Plainly()]  # in the place of OpenTelemetry's, which nobody listens to
    return server


async def serve(server: Server[Any], connection: Connection) -> None:
    """Speaks MCP until the box hangs up."""
    options = server.create_initialization_options()
    await server.run(Incoming(connection), Outgoing(connection), options)


class _Plainly(ServerMiddleware[Any]):
    """Says what is wrong with parameters that the SDK would only call invalid."""

    async def __call__(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        try:
            return await call_next(ctx)
        except ValidationError:
            if ctx.method == "tools/call":
                return wire.refusal("a call has a tool's name and an object as its arguments", "")
            text = f"the parameters of {shortened(ctx.method, 40)} are not as MCP has them"
            raise MCPError(types.INVALID_PARAMS, text) from None
        except MCPError as error:
            if error.error.code == types.INVALID_PARAMS and error.error.data == "":
                raise MCPError(types.INVALID_PARAMS, "say initialize first") from None
            raise
