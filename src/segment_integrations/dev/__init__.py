"""
A local collector: what an app would send to Segment, on one page, on this machine.

`server.running` is for tests and demos, `server.serve` for the command line. Needs
the extra ``dev``. This package knows the wire format and nothing of our own client,
so that any client of Segment's HTTP Tracking API can be pointed at it.
"""
