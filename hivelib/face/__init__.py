"""Ways in and out: command line, MCP, web, the proxy."""
