#include "traces/pcapng_links.h"

#include <string.h>

#define SECTION 0x0a0d0d0au
#define INTERFACE 1u
#define OLD_PACKET 2u
#define SIMPLE_PACKET 3u
#define PACKET 6u
#define MAGIC 0x1a2b3c4du

void fm_pcapng_links_begin(struct fm_pcapng_links *l)
{
	memset(l, 0, sizeof *l);
	l->is = true;
}

static uint32_t u32(const struct fm_pcapng_links *l, size_t at)
{
	uint32_t v;

	memcpy(&v, l->head + at, 4);
	return l->swapped ? __builtin_bswap32(v) : v;
}

static uint16_t u16(const struct fm_pcapng_links *l, size_t at)
{
	uint16_t v;

	memcpy(&v, l->head + at, 2);
	return l->swapped ? __builtin_bswap16(v) : v;
}

static void put(struct fm_pcapng_links *l, uint32_t interface)
{
	if (l->put - l->taken == FM_PCAPNG_AHEAD) {
		l->is = false;
		return;
	}
	l->of[l->put++ % FM_PCAPNG_AHEAD] =
	    interface < l->n && interface < FM_PCAPNG_INTERFACES ? l->link[interface] : l->first;
}

/* An interface: its link layer is in bytes 8 and 9. */
static void see_interface(struct fm_pcapng_links *l)
{
	uint16_t link = u16(l, 8);

	if (!l->begun)
		l->first = link;
	l->begun = true;
	l->mixed = l->mixed || link != l->first;
	if (l->n < FM_PCAPNG_INTERFACES)
		l->link[l->n] = link;
	l->n++;
}

/* The first 12 bytes of a block are there. */
static void see_block(struct fm_pcapng_links *l)
{
	uint32_t type = u32(l, 0), size;

	if (type == SECTION) {
		uint32_t magic;

		memcpy(&magic, l->head + 8, 4);
		l->swapped = magic != MAGIC;
		l->n = 0;
	}
	size = u32(l, 4);
	if (size < 12 || size % 4) {
		l->is = false;
		return;
	}
	l->skip = size - 12;
	if (type == INTERFACE)
		see_interface(l);
	else if (type == PACKET)
		put(l, u32(l, 8));
	else if (type == OLD_PACKET)
		put(l, u16(l, 8));
	else if (type == SIMPLE_PACKET)
		put(l, 0);
}

void fm_pcapng_links_feed(struct fm_pcapng_links *l, char *s, size_t n)
{
	while (n && l->is) {
		size_t step = l->skip < n ? (size_t)l->skip : n;

		if (l->skip) {
			l->skip -= step;
			s += step;
			n -= step;
			continue;
		}
		l->head[l->at] = (uint8_t)*s;
		/* Of a later interface the bytes become those of the first. */
		if (l->begun && (l->at == 8 || l->at == 9) && u32(l, 0) == INTERFACE)
			*s = (char)(((l->at == 9) != l->swapped ? l->first >> 8 : l->first) & 0xff);
		l->at++;
		s++;
		n--;
		if (l->at == sizeof l->head) {
			l->at = 0;
			see_block(l);
		}
	}
}

int fm_pcapng_links_next(struct fm_pcapng_links *l)
{
	if (l->taken == l->put)
		return -1;
	return l->of[l->taken++ % FM_PCAPNG_AHEAD];
}
