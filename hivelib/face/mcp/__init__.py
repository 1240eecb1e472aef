"""The tools that agents have, over MCP: one warm process for all of them, each known by the door it came through."""
