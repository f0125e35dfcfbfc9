"""The HTTP that the collector speaks: requests by Content-Length, fixed answers."""

HEAD_END = b"\r\n\r\n"
HTTP_OK = range(200, 300)
NO_CONTENT = 204
GOOD_BODY = '{"success": true}'
BAD_BODY = '{"success": false, "code": "refused", "message": "as the script says"}'


def answer(step):
    """The bytes of an answer with a status, headers and a body."""
    if isinstance(step, int):
        step = {"status": step}
    status = step["status"]
    usual = GOOD_BODY if status in HTTP_OK else BAD_BODY
    body = step.get("body", "" if status == NO_CONTENT else usual)
    lines = [f"HTTP/1.1 {status} X"]
    lines += [f"{name}: {value}" for name, value in step.get("headers", {}).items()]
    if status != NO_CONTENT:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", body]).encode()


class Connection:
    """One client's socket and what of its request has come so far."""

    def __init__(self, sock):
        self.sock = sock
        self.chunks = []
        self.size = 0
        self.want = None
        self.head = b""
        self.trickle = b""
        self.due = 0.0

    def feed(self, data):
        """Take *data*; the body when a request is complete, else None."""
        self.chunks.append(data)
        self.size += len(data)
        if self.want is None:
            joined = b"".join(self.chunks)
            end = joined.find(HEAD_END)
            if end < 0:
                self.chunks = [joined]
                return None
            self.head, rest = joined[:end].lower(), joined[end + len(HEAD_END) :]
            self.chunks, self.size = [rest], len(rest)
            self.want = int(self.header(b"content-length") or 0)
        if self.size < self.want:
            return None
        joined = b"".join(self.chunks)
        body, rest = joined[: self.want], joined[self.want :]
        self.chunks, self.size, self.want = [rest], len(rest), None
        return body

    def header(self, name):
        """A header's value, or nothing."""
        _, found, rest = self.head.partition(b"\r\n" + name + b":")
        return rest.split(b"\r\n", 1)[0].strip() if found else b""
