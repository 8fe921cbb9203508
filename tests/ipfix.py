"""An IPFIX file for tests, written by hand after RFC 7011: every way in which exporters tell times, both ways of a flow, IPv6, what is
no flow; and what is broken.

    ipfix.py FILE                 the whole; tests/interop_flows.sh has its flows
    ipfix.py FILE --broken KIND   cut, set, version, withdrawn, untold, length, empty
    ipfix.py FILE --sampled KIND  options, unstated, space, size, probability, selectors, nameless, own
    ipfix.py FILE --records N     N flows of a few hosts, for speed
    ipfix.py FILE --send PORT     the messages of FILE as datagrams to this port of the machine
"""
import argparse
import socket
import struct

T0 = 1700000000  # 2023-11-14 22:13:20 UTC
REVERSE, CERT = 29305, 6871
IE = {"bytes": 1, "packets": 2, "proto": 4, "tos": 5, "flags": 6, "sp": 7, "sa": 8, "if": 10, "dp": 11, "da": 12, "endup": 21, "startup": 22,
      "sa6": 27, "da6": 28, "icmp": 32, "sampling": 34, "totalbytes": 85, "totalpackets": 86, "app": 96, "icmp6": 139, "sampler": 48, "random": 50, "selector": 302, "taken": 305, "left": 306, "size": 309, "population": 310, "probability": 311, "starts": 150, "ends": 151,
      "startms": 152, "endms": 153, "startus": 154, "endus": 155, "startns": 156, "endns": 157, "startdelta": 158, "enddelta": 159, "init": 160,
      "lasts": 161, "packets0": 298, "packets1": 299, "bytes0": 231, "bytes1": 232}


def ip(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def field(name, size):
    pen = 0
    if name.startswith("r."):
        name, pen = name[2:], REVERSE
    number = IE[name] if name in IE else {"rdelta": 21, "first": 14, "union": 15}[name]
    pen = pen if name in IE else CERT
    return struct.pack(">HH", number | (0x8000 if pen else 0), size) + (struct.pack(">I", pen) if pen else b"")


def template(number, fields, scope=0):
    body = struct.pack(">HH", number, len(fields)) + (struct.pack(">H", scope) if scope else b"")
    body += b"".join(field(n, s) for n, s in fields)
    return struct.pack(">HH", 3 if scope else 2, 4 + len(body)) + body


def value(v, size):
    if isinstance(v, str):
        raw = ip(v)
        assert len(raw) == size, v
        return raw
    if isinstance(v, bytes):
        return bytes([len(v)]) + v
    return v.to_bytes(size, "big")


def data(number, fields, *rows, pad=0):
    body = b"".join(value(v, s) for row in rows for v, (_, s) in zip(row, fields, strict=True)) + bytes(pad)
    return struct.pack(">HH", number, 4 + len(body)) + body


class File:
    def __init__(self, at=T0 + 100):
        self.out, self.at, self.sequence = b"", at, {}

    def message(self, *sets, records=0, domain=7):
        body = b"".join(sets)
        n = self.sequence.get(domain, 0)
        self.out += struct.pack(">HHIII", 10, 16 + len(body), self.at, n, domain) + body
        self.sequence[domain] = n + records


ENDS = [("sa", 4), ("da", 4), ("sp", 2), ("dp", 2), ("proto", 1)]
ENDS6 = [("sa6", 16), ("da6", 16), ("sp", 2), ("dp", 2), ("proto", 1)]
COUNTS = [("packets", 8), ("bytes", 8)]
PLAIN = ENDS + [("tos", 1), ("flags", 1)] + COUNTS + [("startms", 8), ("endms", 8)]
MS = T0 * 1000


def ntp(s, parts):
    return (s + 2208988800) << 32 | int(parts * 2**32)


def whole():
    f = File()
    v6 = ENDS6 + [("flags", 2)] + COUNTS + [("startms", 8), ("endms", 8)]
    f.message(template(256, PLAIN), template(257, v6),
              data(256, PLAIN, ("10.0.0.1", "192.0.2.1", 40000, 443, 6, 72, 0x1b, 12, 3400, MS + 1500, MS + 2250),
                   ("10.0.0.2", "192.0.2.53", 5353, 53, 17, 0, 0, 1, 68, MS + 1600, MS + 1600), pad=3),
              data(257, v6, ("2001:db8::1", "2001:db8::2", 50000, 443, 6, 0x12, 3, 180, MS + 1700, MS + 1800)), records=3)
    # Both ways: reverse elements (RFC 5103), with and without times of their own; those of a responder; ICMP; one way alone.
    bi = [("startms", 8), ("endms", 8)] + ENDS + COUNTS + [("r.packets", 8), ("r.bytes", 8), ("flags", 1), ("r.flags", 1), ("rdelta", 4)]
    cisco = [("startms", 8), ("endms", 8)] + ENDS + [("packets0", 8), ("bytes0", 8), ("packets1", 8), ("bytes1", 8)]
    own = [("startms", 8), ("endms", 8), ("r.startms", 8), ("r.endms", 8)] + ENDS + COUNTS + [("r.packets", 4), ("r.bytes", 4)]
    f.message(template(258, bi), template(259, cisco), template(260, own),
              data(258, bi, (MS + 2000, MS + 3000, "10.0.0.3", "192.0.2.3", 41000, 80, 6, 5, 500, 4, 4000, 0x1b, 0x12, 20),
                   (MS + 2100, MS + 2900, "10.0.0.3", "192.0.2.9", 0, 8 * 256, 1, 2, 168, 2, 168, 0, 0, 1),
                   (MS + 2200, MS + 2200, "10.0.0.4", "192.0.2.4", 41001, 81, 6, 1, 40, 0, 0, 2, 0, 0)),
              data(259, cisco, (MS + 2300, MS + 2400, "10.0.0.5", "192.0.2.5", 41002, 82, 6, 7, 700, 6, 6000)),
              data(260, own, (MS + 2500, MS + 2600, MS + 2540, MS + 2650, "10.0.0.6", "192.0.2.6", 41003, 83, 17, 1, 100, 1, 900)), records=5)
    # Times: seconds, NTP's, 49.7 days of up time, before the message, start and duration. Counts in fewer bytes; text between.
    s = ENDS + [("packets", 4), ("bytes", 3), ("app", 65535), ("starts", 4), ("ends", 4)]
    us = ENDS + COUNTS + [("startus", 8), ("endus", 8)]
    ns = ENDS + [("totalpackets", 8), ("totalbytes", 8), ("startns", 8), ("endns", 8)]
    up = ENDS + COUNTS + [("startup", 4), ("endup", 4)]
    late = ENDS + COUNTS + [("startdelta", 4), ("enddelta", 4)]
    lasts = ENDS + COUNTS + [("startms", 8), ("lasts", 4)]
    options = [("if", 4), ("init", 8)]
    end = lambda i: (f"10.0.1.{i}", f"192.0.2.{100 + i}", 42000 + i, 90, 17)
    f.message(template(261, s), template(262, us), template(263, ns), template(264, up), template(265, late), template(266, lasts),
              template(267, options, scope=1),
              data(261, s, (*end(1), 1, 101, b"dns", T0 + 4, T0 + 5), (*end(2), 2, 102, b"", T0 + 4, T0 + 4)),
              data(262, us, (*end(3), 3, 103, ntp(T0 + 4, 0.25), ntp(T0 + 5, 0.5))),
              data(263, ns, (*end(4), 4, 104, ntp(T0 + 4, 0.125), ntp(T0 + 5, 0.125))),
              data(267, options, (0, MS - 2**32 + 1000)),
              data(264, up, (*end(5), 5, 105, 2**32 - 500, 1500)),
              data(265, late, (*end(6), 6, 106, 95000000, 94500000)),
              data(266, lasts, (*end(7), 7, 107, MS + 6000, 1234)), records=8)
    # ICMP by its own elements; no flow at all; another exporter with other templates of the same numbers.
    icmp = [("sa", 4), ("da", 4), ("proto", 1), ("icmp", 2)] + COUNTS + [("startms", 8), ("endms", 8)]
    icmp6 = [("sa6", 16), ("da6", 16), ("proto", 1), ("icmp6", 2)] + COUNTS + [("startms", 8), ("endms", 8)]
    none = [("if", 4), ("packets", 8)]
    f.message(template(268, icmp), template(269, icmp6), template(270, none),
              data(268, icmp, ("192.0.2.9", "10.0.0.1", 1, 3 * 256 + 1, 1, 56, MS + 7000, MS + 7000)),
              data(269, icmp6, ("2001:db8::1", "2001:db8::9", 58, 128 * 256, 1, 64, MS + 7100, MS + 7100)),
              data(270, none, (3, 1000000)), records=3)
    other = [("endms", 8), ("startms", 8)] + ENDS + COUNTS
    f.message(template(256, other), data(256, other, (MS + 8100, MS + 8000, "10.0.0.8", "192.0.2.8", 43000, 25, 6, 9, 900)), records=1, domain=8)
    f.message(data(256, PLAIN, ("10.0.0.9", "192.0.2.10", 44000, 22, 6, 0, 2, 1, 60, MS + 9000, MS + 9000)), records=1)
    return f.out


def broken(kind):
    f = File()
    row = ("10.0.0.1", "192.0.2.1", 40000, 443, 6, 0, 2, 1, 60, MS, MS)
    f.message(template(256, PLAIN), data(256, PLAIN, row), records=1)
    first = len(f.out)
    if kind == "withdrawn":
        f.message(struct.pack(">HHHH", 2, 8, 256, 0), data(256, PLAIN, row), records=1)
    elif kind == "untold":
        f.message(data(300, PLAIN, row), data(256, PLAIN, row), records=2)
    elif kind == "length":
        wide = [("sa", 8)] + PLAIN[1:]
        f.message(template(257, wide), struct.pack(">HH", 257, 4 + sum(s for _, s in wide)) + bytes(sum(s for _, s in wide)), records=1)
    elif kind == "empty":
        f.message(template(257, [("if", 0)]), struct.pack(">HH", 257, 8) + bytes(4), records=1)
    else:
        f.message(data(256, PLAIN, row), records=1)
    out = bytearray(f.out)
    if kind == "cut":
        del out[-5:]
    elif kind == "set":
        out[first + 18:first + 20] = struct.pack(">H", 200)
    elif kind == "version":
        out[first:first + 2] = b"\0\x09"
    return bytes(out)


def many(n):
    f = File()
    f.message(template(256, PLAIN))
    for at in range(0, n, 900):
        rows = [(f"10.0.{i % 7}.{i % 250 + 1}", f"192.0.2.{i % 200 + 1}", 1024 + i % 60000, 443, 6, 0, 0x1b, 1 + i % 9, 60 + i % 5000, MS + i, MS + i + 250)
                for i in range(at, min(n, at + 900))]
        f.message(data(256, PLAIN, *rows), records=len(rows))
    return f.out


def sampled(kind):
    """Flows of 1 packet and 100 bytes each, and what options state of their rate."""
    f, flow = File(), ENDS + COUNTS + [("startms", 8), ("endms", 8)]
    row = lambda i, *more: (f"10.0.0.{i}", "192.0.2.1", 40000 + i, 443, 6, 1, 100, MS + i, MS + i, *more)
    if kind in ("options", "unstated", "space", "size", "probability"):  # behind the first flow, and none says which of them it is of
        said = {"options": [("sampling", 4)], "unstated": [("if", 4)], "space": [("taken", 4), ("left", 4)], "size": [("size", 4), ("population", 4)],
                "probability": [("probability", 8)]}[kind]
        rate = {"options": (100,), "unstated": (3,), "space": (2, 5), "size": (1, 50), "probability": (int.from_bytes(struct.pack(">d", 0.01), "big"),)}[kind]
        f.message(template(256, flow), data(256, flow, row(1)), records=1)
        f.message(template(257, [("if", 4)] + said, scope=1), data(257, [("if", 4)] + said, (0, *rate)), records=1)
        f.message(data(256, flow, row(2)), records=1)
    elif kind in ("selectors", "nameless"):  # two samplers; the flows name theirs, or do not
        more = [("sampler", 1)] if kind == "selectors" else []
        options = [("sampler", 1), ("random", 4)]
        f.message(template(256, flow + more), template(257, options, scope=1), data(257, options, (1, 10), (2, 1000)),
                  data(256, flow + more, *[row(i, *([i] if more else [])) for i in (1, 2, 0)]), records=5)
        f.message(data(257, options, (1, 20)), data(256, flow + more, row(1, *([1] if more else []))), records=2)
    else:  # each flow says its own
        own = flow + [("sampling", 4)]
        f.message(template(256, own), data(256, own, row(1, 64), row(2, 1), row(3, 0)), records=3)
        f.message(template(258, flow), data(258, flow, row(4)), records=1, domain=9)
    return f.out


def send(path, port):
    raw, at = open(path, "rb").read(), 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        while at < len(raw):
            n = struct.unpack_from(">H", raw, at + 2)[0]
            s.sendto(raw[at:at + n], ("127.0.0.1", port))
            at += n


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("file")
    p.add_argument("--broken")
    p.add_argument("--sampled")
    p.add_argument("--records", type=int)
    p.add_argument("--send", type=int)
    a = p.parse_args()
    if a.send:
        send(a.file, a.send)
    else:
        with open(a.file, "wb") as out:
            out.write(broken(a.broken) if a.broken else sampled(a.sampled) if a.sampled else many(a.records) if a.records else whole())
