"""A raw MQTT 3.1.1 device over TLS or WebSocket: it sends what it is told, mistakes included, and hides nothing.

    link = tls_link(env)                         # or websocket_link(env)
    device = Device(link)
    assert device.connect("d1", "localhost/d1/?api-version=2021-04-12", password) == (0, False)
    device.subscribe([("$iothub/twin/res/#", 0)])
    device.publish("$iothub/twin/GET/?$rid=1")
    reply = device.expect("$iothub/twin/res/")   # reply.topic, reply.payload, ...
"""
import base64
import collections
import hashlib
import hmac
import os
import socket
import ssl
import struct
import time
import urllib.parse

CONNACK, PUBLISH, PUBACK, SUBACK, UNSUBACK, PINGRESP = 2, 3, 4, 9, 11, 13
PATIENCE_S = 10

Publish = collections.namedtuple("Publish", "topic payload qos packet_id dup retain")
Will = collections.namedtuple("Will", "topic payload qos retain")


class Closed(Exception):
    """The service hung up."""


# --- links: bytes in, bytes out ---


class PlainLink:
    """TCP alone: the plain broker's."""

    def __init__(self, host, port):
        self.socket = socket.create_connection((host, port), PATIENCE_S)

    def send(self, data):
        self.socket.sendall(data)

    def receive(self, limit_s):
        self.socket.settimeout(max(limit_s, 0.001))
        try:
            data = self.socket.recv(65536)
        except socket.timeout:
            raise TimeoutError("nothing came from the service") from None
        except OSError as error:
            raise Closed(str(error)) from None
        if not data:
            raise Closed("the end of the stream")
        return data

    def close(self):
        self.socket.close()


class TlsLink(PlainLink):
    def __init__(self, host, port, ca_file, certificate=None):
        context = ssl.create_default_context(cafile=ca_file)
        if certificate is not None:
            context.load_cert_chain(*certificate)
        plain = socket.create_connection((host, port), PATIENCE_S)
        self.socket = context.wrap_socket(plain, server_hostname=host)


class WebSocketLink(TlsLink):
    """RFC 6455, client side. Each send() is one frame, unless `chop` bytes per frame are asked for."""

    def __init__(self, host, port, ca_file, path="/$iothub/websocket", protocol="mqtt", chop=None):
        super().__init__(host, port, ca_file)
        self.chop = chop
        self.incoming = b""
        key = base64.b64encode(os.urandom(16)).decode()
        super().send((f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
                      f"Sec-WebSocket-Protocol: {protocol}\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.incoming:
            self.incoming += super().receive(PATIENCE_S)
        head, _, self.incoming = self.incoming.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        self.key = key

    def send(self, data):
        size = self.chop or len(data)
        for at in range(0, len(data), size):
            self.send_frame(data[at:at + size])

    def send_frame(self, payload, opcode=2, last=True, masked=True):
        first = opcode | (0x80 if last else 0)
        mask_bit = 0x80 if masked else 0
        if len(payload) < 126:
            head = struct.pack(">BB", first, mask_bit | len(payload))
        elif len(payload) < 65536:
            head = struct.pack(">BBH", first, mask_bit | 126, len(payload))
        else:
            head = struct.pack(">BBQ", first, mask_bit | 127, len(payload))
        mask = os.urandom(4) if masked else b""
        if masked:
            payload = bytes(byte ^ mask[i & 3] for i, byte in enumerate(payload))
        super().send(head + mask + payload)

    def receive(self, limit_s):
        opcode, payload = self.receive_frame(limit_s)
        if opcode == 8:
            raise Closed("a close frame")
        return payload if opcode == 2 else b""

    def receive_frame(self, limit_s=PATIENCE_S):
        head = self._take(2, limit_s)
        length = head[1] & 0x7F
        if length == 126:
            length = struct.unpack(">H", self._take(2, limit_s))[0]
        elif length == 127:
            length = struct.unpack(">Q", self._take(8, limit_s))[0]
        return head[0] & 0x0F, self._take(length, limit_s)

    def _take(self, count, limit_s):
        while len(self.incoming) < count:
            self.incoming += super().receive(limit_s)
        data, self.incoming = self.incoming[:count], self.incoming[count:]
        return data


def tls_link(env, certificate=None):
    return TlsLink(env["SPOKE_HOST"], int(env["SPOKE_MQTT_PORT"]), env["SPOKE_CA_FILE"], certificate)


def websocket_link(env, **how):
    return WebSocketLink(env["SPOKE_HOST"], int(env["SPOKE_HTTPS_PORT"]), env["SPOKE_CA_FILE"], **how)


# --- packets ---


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">H", len(data)) + data


def packet(first, body=b""):
    head = bytearray([first])
    length = len(body)
    while True:
        length, digit = divmod(length, 128)
        head.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(head) + body


def connect_packet(client_id, username, password, clean=True, keep_alive=60, will=None, level=4, protocol="MQTT"):
    flags = 0x80 | (0x02 if clean else 0) | (0x40 if password is not None else 0)
    payload = text(client_id)
    if will is not None:
        flags |= 0x04 | will.qos << 3 | (0x20 if will.retain else 0)
        payload += text(will.topic) + text(will.payload)
    payload += text(username)
    if password is not None:
        payload += text(password)
    return packet(0x10, text(protocol) + struct.pack(">BBH", level, flags, keep_alive) + payload)


def publish_packet(topic, payload=b"", qos=0, packet_id=0, retain=False, dup=False):
    body = text(topic) + (struct.pack(">H", packet_id) if qos else b"")
    body += payload if isinstance(payload, bytes) else payload.encode()
    return packet(0x30 | (8 if dup else 0) | qos << 1 | (1 if retain else 0), body)


# --- the device ---


class Device:
    def __init__(self, link):
        self.link = link
        self.buffer = b""
        self.publishes = collections.deque()
        self.last_id = 0

    def next_id(self):
        self.last_id = self.last_id % 65535 + 1
        return self.last_id

    def send(self, data):
        try:
            self.link.send(data)
        except OSError as error:
            raise Closed(str(error)) from None

    def read_packet(self, limit_s=PATIENCE_S):
        """The next packet as (first byte, body). TimeoutError: none came; Closed: the service hung up."""
        end = time.monotonic() + limit_s
        while True:
            length, shift, at = 0, 0, 1
            while at < len(self.buffer):
                length |= (self.buffer[at] & 0x7F) << shift
                shift += 7
                at += 1
                if not self.buffer[at - 1] & 0x80:
                    if len(self.buffer) < at + length:
                        break
                    found = self.buffer[0], self.buffer[at:at + length]
                    self.buffer = self.buffer[at + length:]
                    return found
            if time.monotonic() > end:
                raise TimeoutError("no packet came")
            self.buffer += self.link.receive(end - time.monotonic())

    def _read_publish(self, first, body):
        length = struct.unpack(">H", body[:2])[0]
        topic, rest = body[2:2 + length].decode(), body[2 + length:]
        qos, packet_id = first >> 1 & 3, 0
        if qos:
            packet_id, rest = struct.unpack(">H", rest[:2])[0], rest[2:]
        self.publishes.append(Publish(topic, rest, qos, packet_id, bool(first & 8), bool(first & 1)))

    def wait_for(self, kind, limit_s=PATIENCE_S):
        """The body of the next packet of that kind; PUBLISHes on the way are kept for expect()."""
        end = time.monotonic() + limit_s
        while True:
            first, body = self.read_packet(end - time.monotonic())
            if first >> 4 == kind:
                return body
            if first >> 4 != PUBLISH:
                raise AssertionError(f"packet type {first >> 4} came, {kind} was awaited")
            self._read_publish(first, body)

    def connect(self, client_id, username, password, **how):
        """(return code, session present)"""
        self.send(connect_packet(client_id, username, password, **how))
        body = self.wait_for(CONNACK)
        assert len(body) == 2, "a CONNACK of another length"
        return body[1], bool(body[0])

    def subscribe(self, filters):
        packet_id = self.next_id()
        body = struct.pack(">H", packet_id) + b"".join(text(name) + bytes([qos]) for name, qos in filters)
        self.send(packet(0x82, body))
        answer = self.wait_for(SUBACK)
        assert answer[:2] == struct.pack(">H", packet_id), "a SUBACK for another SUBSCRIBE"
        return list(answer[2:])

    def unsubscribe(self, names):
        packet_id = self.next_id()
        self.send(packet(0xA2, struct.pack(">H", packet_id) + b"".join(map(text, names))))
        assert self.wait_for(UNSUBACK) == struct.pack(">H", packet_id)

    def publish(self, topic, payload=b"", qos=0, wait=True, **how):
        packet_id = self.next_id() if qos else 0
        self.send(publish_packet(topic, payload, qos, packet_id, **how))
        if qos and wait:
            self.expect_puback(packet_id)
        return packet_id

    def expect_puback(self, packet_id, limit_s=PATIENCE_S):
        got = struct.unpack(">H", self.wait_for(PUBACK, limit_s))[0]
        assert got == packet_id, f"PUBACK {got} came, {packet_id} was awaited"

    def puback(self, packet_id):
        self.send(packet(0x40, struct.pack(">H", packet_id)))

    def ping(self):
        """After it, all that the service had sent before is here."""
        self.send(packet(0xC0))
        assert self.wait_for(PINGRESP) == b""

    def expect(self, start, limit_s=PATIENCE_S):
        """The next PUBLISH, whose topic must begin so."""
        if not self.publishes:
            first, body = self.read_packet(limit_s)
            assert first >> 4 == PUBLISH, f"packet type {first >> 4} came, a PUBLISH was awaited"
            self._read_publish(first, body)
        got = self.publishes.popleft()
        assert got.topic.startswith(start), f"{got.topic} came, {start}... was awaited"
        return got

    def expect_nothing(self):
        self.ping()
        assert not self.publishes, f"came unasked: {self.publishes}"

    def expect_end(self, limit_s=PATIENCE_S):
        """The service hangs up and says no more."""
        try:
            first, _ = self.read_packet(limit_s)
        except Closed:
            return
        except TimeoutError:
            raise AssertionError("the service did not hang up") from None
        raise AssertionError(f"packet type {first >> 4} came, the end was awaited")

    def disconnect(self):
        self.send(packet(0xE0))
        self.expect_end()
        self.link.close()

    def vanish(self):
        """Without DISCONNECT."""
        self.link.close()


# --- credentials ---


def percent(value, lower=False):
    encoded = urllib.parse.quote(value, safe="")
    if not lower:
        return encoded
    return "".join(part if i == 0 else "%" + part[:2].lower() + part[2:] for i, part in enumerate(encoded.split("%")))


def derive(group_key, registration_id):
    mac = hmac.new(base64.b64decode(group_key), registration_id.encode(), hashlib.sha256)
    return base64.b64encode(mac.digest()).decode()


def sas(key, resource, expires=None, skn=None, encode=percent, order="sr sig se skn"):
    """A token over the resource as `encode` writes it; `order` also says which parts are there."""
    expires = int(time.time()) + 3600 if expires is None else expires
    sr = encode(resource)
    mac = hmac.new(base64.b64decode(key), f"{sr}\n{expires}".encode(), hashlib.sha256)
    parts = {"sr": sr, "sig": percent(base64.b64encode(mac.digest()).decode()), "se": expires, "skn": skn}
    return "SharedAccessSignature " + "&".join(f"{name}={parts[name]}" for name in order.split() if parts[name] is not None)
