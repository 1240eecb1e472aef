"""The way out of a box: an HTTP proxy that knows who asks by the socket the asker came through.

message (what is read and written, pure) ← answers, naming, joining, copying ← serving (one connection) ← running.
"""
