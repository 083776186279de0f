"""An application as there are many: logs users in over plain LDAP, and cannot do anything else.

POST / with `user` and `password` as a form: 200 and the user's mail, or 403. For tests alone; it binds with what it is
given, by ldap3, at LDAP_URL.
"""

from __future__ import annotations

import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import ldap3

BASE = "ou=people,dc=example,dc=org"


def login(user: str, password: str) -> str | None:
    """The mail of a user who knows the password."""
    server = ldap3.Server(os.environ["LDAP_URL"], get_info=ldap3.NONE, connect_timeout=5)
    connection = ldap3.Connection(server, f"uid={user},{BASE}", password, receive_timeout=5)
    if not connection.bind():
        return None
    connection.search(BASE, f"(uid={user})", attributes=["mail"])
    mail = str(connection.entries[0].mail)
    connection.unbind()
    return mail


class Handler(BaseHTTPRequestHandler):
    """The login page."""

    def do_POST(self) -> None:
        """One attempt."""
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        mail = login(form["user"][0], form["password"][0])
        self.send_response(200 if mail else 403)
        self.end_headers()
        self.wfile.write((mail or "no").encode())


if __name__ == "__main__":
    HTTPServer(("", 8080), Handler).serve_forever()
