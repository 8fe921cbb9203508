"""A capture for tests: TCP sessions, UDP, ICMP, VLAN, QinQ, MPLS, tunnels, fragments, silence, long flows, and what is no flow.

    capture.py FILE [--pcapng] [--nano] [--link sll|raw|null] [--packets N]   N: UDP packets of many flows, for speed
    capture.py FILE --plain      only what nfpcapd and flowmint are to agree on
"""
import argparse
import random
import struct

T0 = 1700000000


def addr(text):
    return bytes(int(x) for x in text.split("."))


def ipv4(src, dst, proto, payload, tos=0, ident=1, flags=0, offset=0, ttl=64):
    return struct.pack(">BBHHHBBH4s4s", 0x45, tos, 20 + len(payload), ident, flags << 13 | offset, ttl, proto, 0, addr(src),
                       addr(dst)) + payload


def udp(sp, dp, n):
    return struct.pack(">HHHH", sp, dp, 8 + n, 0) + bytes(n)


def tcp(sp, dp, flags, n=0):
    return struct.pack(">HHIIBBHHH", sp, dp, 1, 1, 0x50, flags, 1024, 0, 0) + bytes(n)


def icmp(kind, code, n=32):
    return struct.pack(">BBHHH", kind, code, 0, 7, 1) + bytes(n)


def ipv6(src_last, dst_last, proto, payload):
    host = bytes.fromhex("20010db8") + bytes(11)
    return struct.pack(">IHBB", 0x60000000, len(payload), proto, 64) + host + bytes([src_last]) + host + bytes([dst_last]) + payload


def ether(payload, kind=0x0800, tags=()):
    head = bytes.fromhex("020000000001020000000002")
    for tpid, vlan in tags:
        head += struct.pack(">HH", tpid, vlan)
    return head + struct.pack(">H", kind) + payload


def mpls(payload, labels):
    out = b""
    for i, label in enumerate(labels):
        out += struct.pack(">I", label << 12 | (i + 1 == len(labels)) << 8 | 64)
    return out + payload


def session(t, client, server, sp, dp, tos=0):
    """A TCP connection that both sides end."""
    c = lambda flags, n=0: ipv4(client, server, 6, tcp(sp, dp, flags, n), tos)
    s = lambda flags, n=0: ipv4(server, client, 6, tcp(dp, sp, flags, n), tos)
    return [(t, c(2)), (t + 0.010, s(0x12)), (t + 0.020, c(0x10)), (t + 0.030, c(0x18, 200)), (t + 0.050, s(0x18, 1400)),
            (t + 0.060, s(0x18, 900)), (t + 0.070, c(0x10))]


def plain():
    """Packets of IPv4 on Ethernet without a wrapping."""
    p = session(T0 + 1.5, "10.0.0.1", "192.0.2.1", 40000, 80)
    p += session(T0 + 2.25, "10.0.0.2", "192.0.2.1", 40001, 443, 0x48)
    # Both sides offer ECN, and one says that it was slowed down.
    p += [(T0 + 2.5, ipv4("10.0.0.8", "192.0.2.8", 6, tcp(40002, 443, 0xc2))),
          (T0 + 2.51, ipv4("192.0.2.8", "10.0.0.8", 6, tcp(443, 40002, 0x52))),
          (T0 + 2.52, ipv4("10.0.0.8", "192.0.2.8", 6, tcp(40002, 443, 0x10))),
          (T0 + 2.53, ipv4("10.0.0.8", "192.0.2.8", 6, tcp(40002, 443, 0x98, 200)))]
    p += [(T0 + 3, ipv4("10.0.0.1", "192.0.2.53", 17, udp(5353, 53, 30))), (T0 + 3.004, ipv4("192.0.2.53", "10.0.0.1", 17, udp(53, 5353, 90)))]
    p += [(T0 + 4 + i, ipv4("10.0.0.3", "192.0.2.9", 1, icmp(8, 0))) for i in range(3)]
    p += [(T0 + 4.1 + i, ipv4("192.0.2.9", "10.0.0.3", 1, icmp(0, 0))) for i in range(3)]
    p += [(T0 + 5, ipv4("192.0.2.9", "10.0.0.1", 1, icmp(3, 1)))]
    # One that never pauses for a minute, and is older than 300 s three times; one that is silent for 100 s.
    p += [(T0 + 6 + 20 * i, ipv4("10.0.0.4", "192.0.2.4", 17, udp(6000, 6001, 100 + i % 7))) for i in range(41)]
    p += [(T0 + 7 + 100 * i, ipv4("10.0.0.5", "192.0.2.5", 17, udp(6002, 6003, 64))) for i in range(3)]
    p += [(T0 + 8, ipv4("10.0.0.6", "192.0.2.6", 50, bytes(60))), (T0 + 9, ipv4("10.0.0.6", "192.0.2.6", 132, bytes(60)))]
    return sorted((t, ether(x)) for t, x in p)


def wrapped():
    inner = ipv4("172.16.0.1", "172.16.0.2", 17, udp(1, 2, 50))
    datagram = udp(7000, 7001, 3000)
    p = [(T0 + 20, ether(ipv4("10.1.0.1", "192.0.2.21", 17, udp(1001, 53, 20)), tags=[(0x8100, 5)])),
         (T0 + 21, ether(ipv4("10.1.0.2", "192.0.2.22", 17, udp(1002, 53, 21)), tags=[(0x88a8, 5), (0x8100, 6)])),
         (T0 + 22, ether(mpls(ipv4("10.1.0.3", "192.0.2.23", 17, udp(1003, 53, 22)), [16, 17]), 0x8847)),
         (T0 + 23, ether(ipv4("10.1.0.4", "192.0.2.24", 47, struct.pack(">HH", 0, 0x0800) + inner))),
         (T0 + 24, ether(ipv4("10.1.0.5", "192.0.2.25", 4, inner))),
         # The last fragment first is of no datagram that is known yet.
         (T0 + 25, ether(ipv4("10.1.0.6", "192.0.2.26", 17, datagram[:1480], ident=77, flags=1))),
         (T0 + 25.001, ether(ipv4("10.1.0.6", "192.0.2.26", 17, datagram[1480:2960], ident=77, flags=1, offset=185))),
         (T0 + 25.002, ether(ipv4("10.1.0.6", "192.0.2.26", 17, datagram[2960:], ident=77, offset=370))),
         (T0 + 26, ether(ipv4("10.1.0.7", "192.0.2.27", 17, datagram[1480:2960], ident=78, flags=1, offset=185))),
         (T0 + 27, ether(ipv6(1, 2, 17, udp(1007, 53, 40)), 0x86dd)), (T0 + 27.5, ether(ipv6(1, 2, 17, udp(1007, 53, 40)), 0x86dd)),
         (T0 + 28, ether(bytes(28), 0x0806)), (T0 + 29, ether(ipv4("10.1.0.8", "192.0.2.28", 6, tcp(1008, 80, 0x29)) + bytes(6)))]
    return p


LINKS = {"ether": 1, "raw": 101, "null": 0, "sll": 113, "wifi": 105}


def relink(link, frame):
    if link == "raw":
        return frame[14:]
    if link == "null":
        return struct.pack("<I", 2) + frame[14:]
    if link == "sll":
        return struct.pack(">HHH8s", 0, 1, 6, bytes(8)) + frame[12:]
    return frame


def flood(n):
    rng = random.Random(5)
    ends = [(f"10.{i % 200}.{i // 200 % 200}.{i % 97 + 1}", f"192.0.2.{i % 250 + 1}", 1024 + i % 60000) for i in range(20000)]
    frames = [ether(ipv4(a, b, 17, udp(p, 53, 40))) for a, b, p in ends]
    return ((T0 + i / 50000, frames[rng.randrange(len(frames))]) for i in range(n))


def main():
    o = argparse.ArgumentParser()
    o.add_argument("file")
    o.add_argument("--pcapng", action="store_true")
    o.add_argument("--nano", action="store_true")
    o.add_argument("--plain", action="store_true")
    o.add_argument("--link", default="ether", choices=LINKS)
    o.add_argument("--packets", type=int)
    o.add_argument("--snaplen", type=int, default=262144)
    a = o.parse_args()
    packets = flood(a.packets) if a.packets else sorted(plain() + ([] if a.plain else wrapped()))
    with open(a.file, "wb") as f:
        if a.pcapng:
            f.write(struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28))
            f.write(struct.pack("<IIHHII", 1, 20, LINKS[a.link], 0, a.snaplen, 20))
        else:
            f.write(struct.pack("<IHHiIII", 0xA1B23C4D if a.nano else 0xA1B2C3D4, 2, 4, 0, 0, a.snaplen, LINKS[a.link]))
        for t, frame in packets:
            frame = relink(a.link, frame)
            kept = frame[:a.snaplen]
            us = round(t * 1000000)
            if a.pcapng:
                pad = bytes(-len(kept) % 4)
                n = 32 + len(kept) + len(pad)
                f.write(struct.pack("<IIIIIII", 6, n, 0, us >> 32, us & 0xFFFFFFFF, len(kept), len(frame)) + kept + pad + struct.pack("<I", n))
            else:
                f.write(struct.pack("<IIII", us // 1000000, us % 1000000 * (1000 if a.nano else 1), len(kept), len(frame)) + kept)


main()
