#include "release/zstd_frame.h"

#define MAGIC 0xfd2fb528u
#define SKIPPABLE 0x184d2a50u /* to 0x184d2a5f */
#define CHECKSUM 4            /* bytes */

/* Field of n bytes, little-endian. */
static uint64_t number(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | p[n];
	return v;
}

/* Bytes of the header behind its descriptor: window, dictionary, content size. */
static size_t size_of_content_size(uint8_t d)
{
	static const size_t size[4] = {0, 2, 4, 8};

	return d >> 6 ? size[d >> 6] : d & 0x20 ? 1 : 0;
}

static size_t size_of_header(uint8_t d)
{
	return (d & 0x20 ? 0 : 1) + size_of_content_size(d);
}

static size_t size_of_part(const struct fm_zstd_frame *f)
{
	switch (f->part) {
	case FM_ZSTD_MAGIC:
		return 4;
	case FM_ZSTD_DESCRIPTOR:
		return 1;
	case FM_ZSTD_HEADER:
		return size_of_header(f->descriptor);
	default:
		return 3;
	}
}

static const char *take_header(struct fm_zstd_frame *f)
{
	const uint8_t *h = f->head;
	size_t n = size_of_content_size(f->descriptor);
	uint64_t window, content = number(h + size_of_header(f->descriptor) - n, n);

	/* The library takes this value for a size that is not given, and does not compare it with the content. */
	if (n == 8 && content == UINT64_MAX)
		return "the zstd frame gives a size that no content has";
	if (f->descriptor & 0x20) {
		/* Single segment: the size of the content is the size of the window. */
		window = content + (n == 2 ? 256 : 0);
	} else {
		/* RFC 8878, 3.1.1.1.2: exponent and eighths. */
		window = (uint64_t)1 << (10 + (h[0] >> 3));
		window += window / 8 * (h[0] & 7);
	}
	if (window > FM_ZSTD_WINDOW_MAX)
		return "the zstd frame asks for a window of more than 8 MiB";
	f->part = FM_ZSTD_BLOCK;
	return NULL;
}

static const char *take_block(struct fm_zstd_frame *f)
{
	uint64_t h = number(f->head, 3), type = h >> 1 & 3, size = h >> 3;

	if (type == 3)
		return "a zstd block has a type that is reserved";
	f->last = h & 1;
	f->skip = type == 1 ? 1 : size; /* a run is one byte, however long */
	if (f->last && f->descriptor & 4)
		f->skip += CHECKSUM;
	f->part = f->skip ? FM_ZSTD_BODY : f->last ? FM_ZSTD_END : FM_ZSTD_BLOCK;
	return NULL;
}

/* The part in head is whole. */
static const char *take_part(struct fm_zstd_frame *f)
{
	uint64_t magic;

	switch (f->part) {
	case FM_ZSTD_MAGIC:
		magic = number(f->head, 4);
		if (magic >> 4 == SKIPPABLE >> 4)
			return "there is a skippable zstd frame";
		if (magic != MAGIC)
			return "there is no zstd frame";
		f->part = FM_ZSTD_DESCRIPTOR;
		return NULL;
	case FM_ZSTD_DESCRIPTOR:
		f->descriptor = f->head[0];
		if (f->descriptor & 0x18)
			return "the zstd frame has bits set that flowmint does not set";
		if (f->descriptor & 3)
			return "the zstd frame needs a dictionary";
		f->part = FM_ZSTD_HEADER;
		return NULL;
	case FM_ZSTD_HEADER:
		return take_header(f);
	default:
		return take_block(f);
	}
}

const char *fm_zstd_frame_add(struct fm_zstd_frame *f, const uint8_t *p, size_t n)
{
	const char *why = NULL;

	while (n && !why) {
		if (f->part == FM_ZSTD_END)
			return "there are bytes behind the end of the zstd frame";
		if (f->part == FM_ZSTD_BODY) {
			size_t some = f->skip < n ? (size_t)f->skip : n;

			p += some;
			n -= some;
			f->skip -= some;
			if (!f->skip)
				f->part = f->last ? FM_ZSTD_END : FM_ZSTD_BLOCK;
			continue;
		}
		f->head[f->have++] = *p++;
		n--;
		if (f->have == size_of_part(f)) {
			f->have = 0;
			why = take_part(f);
		}
	}
	return why;
}
