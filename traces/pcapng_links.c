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
		l->turned = l->in_section && l->swapped != (magic != MAGIC);
		l->swapped = magic != MAGIC;
		l->in_section = true;
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

/* The head of a block is whole: let it wait to be given, for an interface with the link layer of the first one. */
static void end_head(struct fm_pcapng_links *l)
{
	l->at = 0;
	memcpy(l->out, l->head, sizeof l->out);
	l->given = 0;
	l->waiting = sizeof l->out;
	see_block(l);
	if (l->begun && u32(l, 0) == INTERFACE) {
		l->out[8] = (uint8_t)(l->swapped ? l->first >> 8 : l->first);
		l->out[9] = (uint8_t)(l->swapped ? l->first : l->first >> 8);
	}
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t fm_pcapng_links_pass(struct fm_pcapng_links *l, char *to, size_t room, const char **from, size_t *left)
{
	size_t n = 0;

	while (n < room && !l->turned) {
		size_t step;

		if (l->given < l->waiting) {
			step = least(l->waiting - l->given, room - n);
			memcpy(to + n, l->out + l->given, step);
			l->given += (uint32_t)step;
			n += step;
			continue;
		}
		step = least(*left, room - n);
		if (!step)
			break;
		if (l->is && !l->skip) {
			l->head[l->at++] = (uint8_t) * (*from)++;
			--*left;
			if (l->at == sizeof l->head)
				end_head(l);
			continue;
		}
		if (l->is)
			step = least(step, l->skip < SIZE_MAX ? (size_t)l->skip : SIZE_MAX);
		memcpy(to + n, *from, step);
		*from += step;
		*left -= step;
		n += step;
		l->skip -= l->is ? step : 0;
	}
	return n;
}

size_t fm_pcapng_links_end(struct fm_pcapng_links *l, char *to, size_t room)
{
	size_t n = least(l->at, room);

	memcpy(to, l->head, n);
	memmove(l->head, l->head + n, l->at - n);
	l->at -= (uint32_t)n;
	return n;
}

void fm_pcapng_links_turn(struct fm_pcapng_links *l)
{
	l->turned = false;
}

int fm_pcapng_links_next(struct fm_pcapng_links *l)
{
	if (l->taken == l->put)
		return -1;
	return l->of[l->taken++ % FM_PCAPNG_AHEAD];
}
