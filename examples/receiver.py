"""A receiver of twinstream's deliveries that knows who is blocked. Copy it and make it yours.

It needs Python 3.9 and nothing else. To run it:

    export TWINSTREAM_APP_SECRET="whsec_$(openssl rand -base64 32)"   # twinstream has the same
    python3 examples/receiver.py                                     # LISTEN and STORE say where
    curl 'http://127.0.0.1:3000/users/auth0%7C123'                   # {"blocked": true}

and in the configuration of `twinstream serve`:

    [[targets]]
    name = "app"
    url = "http://127.0.0.1:3000/events"
    signing_secret = { env = "TWINSTREAM_APP_SECRET" }
    [[routes]]
    name = "block-status"
    target = "app"
    pattern = { type = [{ prefix = "user." }] }
    order = "latest"   # so that no old event comes after a newer one
"""

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

KEY = base64.b64decode(os.environ["TWINSTREAM_APP_SECRET"].removeprefix("whsec_"), validate=True)
if len(KEY) < 16:
    raise SystemExit("TWINSTREAM_APP_SECRET: whsec_ and at least 16 bytes in base64")
STORE = os.environ.get("STORE", "receiver.db")
BODY_BYTES_MAX = 1024 * 1024  # more than EventBridge carries
TOLERANCE_SECONDS = 300  # as Standard Webhooks' own libraries have it


def store():
    connection = sqlite3.connect(STORE, timeout=5)
    connection.execute("pragma synchronous = full")
    return closing(connection)


def is_signed(headers, body):
    """Standard Webhooks: an HMAC of id, time and body. No old request can be sent once more."""
    event_id, sent = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not event_id or not sent.isdecimal() or abs(time.time() - int(sent)) > TOLERANCE_SECONDS:
        return False
    digest = hmac.new(KEY, f"{event_id}.{sent}.".encode() + body, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(digest)
    signatures = headers.get("webhook-signature", "").encode().split(b" ")
    return any(hmac.compare_digest(expected, signature) for signature in signatures)


def keep(event_id, event):
    """Keeps the id and what the event says together: both, or neither."""
    with store() as connection, connection:
        # A repeat has the id of the first time. Where several routes lead here with different bodies,
        # add the header `twinstream-route` to it.
        if connection.execute("insert or ignore into seen values (?)", [event_id]).rowcount:
            apply(connection, event)


def apply(connection, event):
    """An event without `blocked` does not speak of it: what was known stays."""
    user = event["data"]["object"]
    if event["type"] == "user.deleted":
        connection.execute("delete from users where id = ?", [user["user_id"]])
    elif event["type"] in ("user.created", "user.updated") and isinstance(user.get("blocked"), bool):
        row = [user["user_id"], user["blocked"]]
        connection.execute("insert or replace into users values (?, ?)", row)


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_POST(self):
        """2XX only when it is kept: it does not come again. 4XX is for good, 5XX is not."""
        raw = self.headers.get("content-length", "")
        if not (raw.isascii() and raw.isdecimal()):
            return self.answer(411)
        length = int(raw)
        if self.path != "/events" or length > BODY_BYTES_MAX:
            self.close_connection = True
            return self.answer(413 if self.path == "/events" else 404)
        body = self.rfile.read(length)
        if not is_signed(self.headers, body):
            return self.answer(401)
        try:
            keep(self.headers["webhook-id"], json.loads(body))
        except (ValueError, KeyError, TypeError):
            return self.answer(400)
        except sqlite3.Error as error:
            self.log_error("not kept: %s", error)
            return self.answer(503)
        self.answer(204)

    def do_GET(self):
        """What the rest of your application asks: is this user blocked?"""
        with store() as connection:
            user = [unquote(self.path.removeprefix("/users/"))]
            row = connection.execute("select blocked from users where id = ?", user).fetchone()
        self.answer(200, {"blocked": bool(row[0])}) if row else self.answer(404)

    def answer(self, status, content=None):
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        if status != 204:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    with store() as connection:
        connection.execute("create table if not exists seen (id text primary key)")
        connection.execute("create table if not exists users (id text primary key, blocked integer)")
    host, _, port = os.environ.get("LISTEN", "127.0.0.1:3000").rpartition(":")
    server = ThreadingHTTPServer((host, int(port)), Receiver)
    print("http://{}:{}/events".format(*server.server_address), flush=True)
    server.serve_forever()
