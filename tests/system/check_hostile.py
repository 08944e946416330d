"""What is sent to do harm: odd HTTP, oversized heads, smuggling, traversal, injection, bombs. After each of it the service
answers the next caller, and nothing is half done."""
import json
import socket
import time
import unittest
import urllib.parse
import zlib

from service import API, Case

QUICK_S = 2.0


class Hostile(Case):
    def speak(self, data, limit_s=10):
        """Sends raw bytes over TLS; what comes back until the service hangs up or is silent."""
        env = self.service.env
        said = b""
        with socket.create_connection((env["SPOKE_HOST"], int(env["SPOKE_HTTPS_PORT"])), timeout=limit_s) as plain:
            with self.service.tls.wrap_socket(plain, server_hostname="localhost") as link:
                try:
                    link.sendall(data)
                    link.settimeout(1)
                    while part := link.recv(65536):
                        said += part
                except (OSError, ValueError):
                    pass
        return said

    def head(self, line="GET /api/devices?" + API + " HTTP/1.1", *more, token=True):
        own = ["Host: localhost"] + (["Authorization: " + self.service.env["SPOKE_API_TOKEN"]] if token else [])
        return "\r\n".join([line, *own, *more, "", ""]).encode()

    def alive(self):
        began = time.monotonic()
        self.assertIn("value", self.service.ask(200, "GET", "/api/devices"))
        self.assertLess(time.monotonic() - began, QUICK_S)

    def status(self, said):
        return int(said.split(b" ", 2)[1]) if said.startswith(b"HTTP/1.1 ") else 0

    def test_heads_that_are_too_large_are_refused(self):
        for more in (["X: " + "a" * 100000], [f"X-{i}: y" for i in range(5000)], ["X" * 100000 + ": y"]):
            self.assertIn(self.status(self.speak(self.head("GET / HTTP/1.1", *more))), (0, 400, 413, 414, 431))
            self.alive()
        for target in ("/api/" + "x" * 9000, "/api/devices?" + "x=1&" * 5000, "/" + "%41" * 20000):
            self.assertIn(self.status(self.speak(self.head(f"GET {target} HTTP/1.1"))), (0, 400, 404, 413, 414, 431))
            self.alive()

    def test_requests_that_are_none_get_no_answer_but_a_refusal(self):
        for data in (b"\r\n\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x00" * 4000, b"\xff" * 4000, b"GET  /  HTTP/1.1\r\n\r\n",
                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", self.head("GET /api/devices HTTP/1.1", "Bad\x00Header: x"),
                     self.head("GET /api/devices HTTP/1.1", ": nothing"), self.head("G@T / HTTP/1.1"), self.head("GET http://[::1 HTTP/1.1")):
            with self.subTest(data=data[:30]):
                self.assertNotEqual(self.status(self.speak(data)) // 100, 2)
                self.alive()

    def test_a_request_is_not_smuggled_in_another(self):
        path = f"/api/devices/smuggled?{API}"
        inner = self.head(f"PUT {path} HTTP/1.1", "Content-Length: 2") + b"{}"
        chunked = b"0\r\n\r\n" + inner
        outer = "POST /api/devices?" + API + " HTTP/1.1"
        for more, body in ((["Content-Length: %d" % len(chunked), "Transfer-Encoding: chunked"], chunked),
                           (["Content-Length: 0", f"Content-Length: {len(inner)}"], inner), (["Content-Length: 0", "Content-Length: 0"], inner),
                           (["Transfer-Encoding: xchunked"], inner), (["Transfer-Encoding: chunked, identity"], chunked),
                           (["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], chunked),
                           (["Content-Length: -1"], inner), (["Content-Length: 99999999999999999999"], inner), (["Content-Length: 0x2"], inner)):
            with self.subTest(more=more):
                said = self.speak(self.head(outer, *more) + body)
                self.assertIn(self.status(said), (0, 400, 413), said[:200])
                self.assertNotIn(b"HTTP/1.1 2", said)  # what stands behind it is not read as a request
                self.service.ask(404, "GET", "/api/devices/smuggled")
        self.alive()

    def test_a_head_whose_lines_are_out_of_form_is_refused(self):
        path = f"/api/devices/smuggled?{API}"
        inner = self.head(f"PUT {path} HTTP/1.1", "Content-Length: 2") + b"{}"
        whole = b"2\r\n{}\r\n0\r\n\r\n"
        for more, body in (([f"Content-Length : {len(inner)}"], inner), ([f"Content-Length\t: {len(inner)}"], inner),
                           (["Content-Length:", f" {len(inner)}"], inner), (["Content-Length: 0", f" {len(inner)}"], inner),
                           (["Transfer-Encoding:", " chunked"], whole), (["Transfer-Encoding : chunked"], whole),
                           (["X: y", f" Content-Length: {len(inner)}"], inner), (["Host: other"], inner), (["(x): y"], inner)):
            with self.subTest(more=more):
                said = self.speak(self.head(f"PUT /api/devices/outer?{API} HTTP/1.1", *more) + body)
                self.assertEqual(self.status(said), 400, said[:200])
                self.assertEqual(said.count(b"HTTP/1.1 "), 1, said)  # and the connection is over
                self.service.ask(404, "GET", "/api/devices/smuggled")
                self.service.ask(404, "GET", "/api/devices/outer")
        self.alive()

    def test_a_body_in_chunks_ends_its_connection(self):
        inner = self.head(f"PUT /api/devices/smuggled?{API} HTTP/1.1", "Content-Length: 2") + b"{}"
        for body in (b"2\r\n{}\r\n0\r\n\r\n", b"2\n{}\n0\n\n", b"2;\n{}\r\n0\r\n\r\n"):
            with self.subTest(body=body):
                said = self.speak(self.head(f"PUT /api/devices/outer?{API} HTTP/1.1", "Transfer-Encoding: chunked") + body + inner)
                self.assertEqual(said.count(b"HTTP/1.1 "), 1, said)
                self.service.ask(404, "GET", "/api/devices/smuggled")
        self.service.ask(204, "DELETE", "/api/devices/outer")

    def test_a_body_in_chunks_has_the_same_bounds(self):
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        said = self.speak(self.head(f"PUT /api/devices/big?{API} HTTP/1.1", "Transfer-Encoding: chunked") + chunk * 40 + b"0\r\n\r\n")
        self.assertIn(self.status(said), (0, 413))
        for broken in (b"zz\r\n{}\r\n0\r\n\r\n", b"ffffffffffffffff\r\n{}", b"-1\r\n{}\r\n"):
            said = self.speak(self.head(f"PUT /api/devices/big?{API} HTTP/1.1", "Transfer-Encoding: chunked") + broken)
            self.assertNotEqual(self.status(said) // 100, 2)
        self.service.ask(404, "GET", "/api/devices/big")
        self.alive()

    def test_packed_bodies_are_not_unpacked(self):
        bomb = zlib.compress(b" " * 50_000_000 + b"{}", 9)
        headers = {"Authorization": self.service.env["SPOKE_API_TOKEN"], "Content-Encoding": "deflate"}
        reply = self.service.raw("PUT", f"/api/devices/bomb?{API}", bomb, headers)
        self.assertEqual(reply.status, 400)
        self.alive()

    def test_json_bombs_are_refused_or_bounded(self):
        many = 250_000
        bombs = {"deep": "[" * many, "deep objects": '{"a":' * 150_000, "wide": '{"organizations":[' + "1," * many + "1]}",
                 "members": "{" + ",".join(f'"m{i}":1' for i in range(70_000)) + "}", "twice": "{" + '"enabled":true,' * 60_000 + '"id":"x"}',
                 "number": '{"simulated":' + "9" * 900_000 + "}", "exponent": '{"simulated":1e999999999}', "escape": '{"displayName":"' + "\\u0041" * 150_000 + '"}',
                 "surrogate": '{"displayName":"\\ud800"}'}
        paths = ["/api/devices/bomb", "/api/devices/bomb/properties", "/api/users/bomb", "/api/roles/bomb", "/api/dashboards/bomb", "/api/organizations/bomb",
                 "/api/apiTokens/bomb", "/api/deviceTemplates/dtmi:a:b;1", "/api/enrollmentGroups/bomb"]
        headers = {"Authorization": self.service.env["SPOKE_API_TOKEN"]}
        for path in paths:
            for name, bomb in bombs.items():
                with self.subTest(path=path, bomb=name):
                    began = time.monotonic()
                    reply = self.service.raw("PUT", f"{path}?{API}", bomb.encode(), headers)
                    self.assertIn(reply.status, (400, 404, 413, 422), reply.text[:200])
                    self.assertLess(time.monotonic() - began, QUICK_S)
                    self.assertLess(len(reply.text), 200_000)
        self.alive()

    def test_paths_lead_to_no_file(self):
        for path in ("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd", "/..\\..\\etc\\passwd", "//etc/passwd", "/./central.db", "/central.db", "/ca.key",
                     "/server.key", "/api/../ca.key", "/api/devices/..%2f..%2fca.key", "/openapi.json/../../ca.key", "/assets/../ca.key", "/%00/etc/passwd",
                     "/index.html%00.js", "/.git/config", "/proc/self/environ", "file:///etc/passwd"):
            with self.subTest(path=path):
                said = self.speak(self.head(f"GET {path} HTTP/1.1", "Connection: close"))
                self.assertNotIn(b"root:", said)
                self.assertNotIn(b"PRIVATE KEY", said)
                self.assertNotIn(b"SQLite", said)
                self.assertNotEqual(self.status(said), 500)

    def test_sql_in_ids_filters_and_tokens_is_text(self):
        self.service.ask(200, "PUT", "/api/devices/kept", {})
        before = self.service.ask(200, "GET", "/api/devices?maxpagesize=100")
        for evil in ("' OR '1'='1", "x'; DROP TABLE device; --", "x\" OR \"\"=\"", "1 UNION SELECT primary_key FROM device", "%' --", "\\'; --", "'||(SELECT value FROM setting)||'"):
            quoted = urllib.parse.quote(evil, safe="")
            for path in (f"/api/devices/{quoted}", f"/api/users/{quoted}", f"/api/apiTokens/{quoted}", f"/api/deviceTemplates/{quoted}", f"/api/enrollmentGroups/{quoted}",
                         f"/api/devices/kept/telemetry/{quoted}", f"/api/devices/kept/components/{quoted}/properties", f"/api/dashboards/{quoted}"):
                self.assertIn(self.service.call("GET", path).status, (400, 404), path)
                self.assertIn(self.service.call("DELETE", path).status, (400, 404, 405), path)
            for query in ("$skiptoken", "$filter", "$orderby", "$top"):
                reply = self.service.call("GET", f"/api/devices?{query}={quoted}")
                self.assertIn(reply.status, (200, 400))
                self.assertNotIn("primary_key", reply.text.decode() if query != "$filter" else "")
            text = evil.replace("'", "''")
            found = self.service.ask(200, "GET", "/api/devices?$filter=" + urllib.parse.quote(f"displayName eq '{text}'", safe=""))
            self.assertEqual(found["value"], [])
        self.assertEqual(self.service.ask(200, "GET", "/api/devices?maxpagesize=100"), before)

    def test_no_header_is_injected_by_what_is_echoed(self):
        for evil in ("%0d%0aX-Evil: 1", "%0aSet-Cookie: a=b", "a%0d%0a%0d%0a<script>"):
            for target in (f"/api/devices/{evil}", f"/api/devices?{API}&%24top=1&x={evil}", f"/{evil}", f"/api/users?%24skiptoken={evil}"):
                said = self.speak(self.head(f"GET {target.replace(' ', '%20')} HTTP/1.1", "Connection: close"))
                head = said.partition(b"\r\n\r\n")[0].lower()
                self.assertNotIn(b"x-evil", head)
                self.assertNotIn(b"set-cookie", head)
        said = self.speak(self.head(f"GET /api/devices?{API} HTTP/1.1", "Host: evil.example", "X-Forwarded-Host: evil.example", "Connection: close"))
        self.assertNotIn(b"evil.example", said)

    def test_errors_are_json_whatever_they_name(self):
        for evil in ('"}{"', "<script>alert(1)</script>", "\\", "\u2028", "\U0001f600"):
            reply = self.service.call("GET", "/api/devices/" + urllib.parse.quote(evil, safe=""))
            self.assertEqual(reply.status, 400 if "/" in evil else 404)
            self.assertEqual(reply.headers["X-Content-Type-Options"], "nosniff")
            self.assertTrue(reply.headers["Content-Type"].startswith("application/json"))
        reply = self.service.call("GET", "/api/devices/%ff%fe")
        self.assertIn(reply.status, (400, 404))
        json.loads(reply.text)

    def test_tokens_are_not_taken_from_elsewhere(self):
        token = urllib.parse.quote(self.service.env["SPOKE_API_TOKEN"], safe="")
        self.assertEqual(self.service.raw("GET", f"/api/devices?{API}&token={token}&Authorization={token}").status, 401)
        self.assertEqual(self.service.raw("GET", f"/api/devices?{API}", headers={"Cookie": f"Authorization={token}"}).status, 401)
        said = self.speak(self.head("GET /api/devices?" + API + " HTTP/1.1", "Authorization: SharedAccessSignature x", "Connection: close"))
        self.assertEqual(self.status(said), 400)

    def test_a_secret_is_in_no_list_and_no_log(self):
        made = self.service.ask(200, "PUT", "/api/apiTokens/quiet", {"roles": [{"role": "ae2c9854-393b-4f97-8c42-479d70ce626e"}]})
        signature = made["token"].split("sig=")[1].split("&")[0]
        for path in ("/api/apiTokens", "/api/apiTokens/quiet", "/api/events"):
            self.assertNotIn(signature, self.service.call("GET", path).text.decode())
        self.assertNotIn(signature, self.service.said())
        self.assertNotIn(urllib.parse.unquote(signature), self.service.said())
        self.service.ask(204, "DELETE", "/api/apiTokens/quiet")

    def test_idle_and_half_open_connections_hold_up_nobody(self):
        env = self.service.env
        held = []
        try:
            for i in range(300):  # more than there are places
                plain = socket.create_connection((env["SPOKE_HOST"], int(env["SPOKE_HTTPS_PORT"])), timeout=10)
                held.append(self.service.tls.wrap_socket(plain, server_hostname="localhost") if i % 2 else plain)
                if i % 2:
                    held[-1].sendall(b"GET / HTTP/1.1\r\nX: " + b"a" * i)
            self.alive()
        finally:
            for link in held:
                link.close()
        self.alive()


if __name__ == "__main__":
    unittest.main()
