/*
 * fuzz_capture - whatever bytes come as a packet capture: no crash, no leak, flows within their bounds. Each input is
 * walked as the records of a pcap, whose packets go through the parser and the cache of flows; one in sixteen, by its
 * last byte, also through libpcap and the reader, which take a hundred times as long to set up.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "manifests/dialect.h"
#include "traces/flow_cache.h"
#include "traces/packet.h"
#include "traces/trace.h"

#define FILE_HEAD 24
#define PACKET_HEAD 16

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static uint32_t le32(const uint8_t *s)
{
	return s[0] | (uint32_t)s[1] << 8 | (uint32_t)s[2] << 16 | (uint32_t)s[3] << 24;
}

static void take(struct fm_flow_cache *c, bool all, uint64_t *packets)
{
	const struct fm_packet_flow *f;

	while ((f = fm_flow_cache_take(c, all))) {
		if (!f->packets || f->last_us < f->first_us)
			abort();
		*packets -= f->packets;
	}
}

/* Every packet of IP is in one flow. */
static void walk(const uint8_t *p, size_t n)
{
	static const int links[] = {0, 1, 9, 12, 113, 276};
	struct fm_flow_cache_opts o = {300000000, 60000000, p[4] & 1, 16};
	struct fm_flow_cache *c = NULL;
	struct fm_timed_packet t;
	uint64_t packets = 0;
	struct fm_error err;
	const char *why;

	if (fm_flow_cache_new(&c, &o, &err) < 0)
		return;
	for (size_t at = FILE_HEAD; at + PACKET_HEAD < n;) {
		size_t left = n - at - PACKET_HEAD, len = le32(p + at + 8) % 512;
		uint8_t *exact;

		len = len < left ? len : left;
		if (!(exact = malloc(len ? len : 1)))
			break;
		memcpy(exact, p + at + PACKET_HEAD, len);
		if (fm_packet_parse(links[p[20] % 6], exact, len, len + p[5], &t.p, &why) == FM_PACKET_IP) {
			t.us = (int64_t)le32(p + at) * 1000000 + le32(p + at + 4) % 1000000;
			t.place = at;
			t.hash = fm_flow_cache_hash(c, &t.p);
			take(c, false, &packets);
			fm_flow_cache_fetch(c, t.hash);
			if (fm_flow_cache_add(c, &t, &err) == FM_OK)
				packets++;
		}
		free(exact);
		at += PACKET_HEAD + len;
	}
	take(c, true, &packets);
	if (packets)
		abort();
	fm_flow_cache_free(c);
}

static int on_chunk(void *ctx, struct fm_table *t, struct fm_error *err)
{
	(void)ctx;
	(void)err;
	for (size_t i = 0; i < t->rows; i++)
		if (t->te[i] < 0 || t->pkt[i] == 0)
			abort();
	return FM_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct fm_dialect *dialect;
	static char path[64];
	static int fd;
	struct fm_error err;

	if (!dialect) {
		fm_log_quiet(1);
		fd = memfd_create("capture", MFD_CLOEXEC);
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		if (fd < 0 || fm_dialect_load(&dialect, "pcap", &err) < 0)
			abort();
	}
	if (n < FILE_HEAD)
		return 0;
	walk(p, n);
	if (p[n - 1] % 16 || ftruncate(fd, 0) || pwrite(fd, p, n, 0) != (ssize_t)n)
		return 0;
	(void)!fm_trace_read(&(struct fm_trace_opts){.path = path, .dialect = dialect, .chunk = on_chunk}, NULL, &err);
	return 0;
}
