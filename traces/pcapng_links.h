/*
 * pcapng_links.h - the link layer of each packet of a pcapng file whose interfaces have different ones, which libpcap
 * does not read: the bytes on their way to it get that of the first interface, and what each packet really has is kept
 * in order.
 *
 *     fm_pcapng_links_feed(l, bytes, n)      all bytes of the file, in order, before libpcap sees them
 *     link = fm_pcapng_links_next(l)         for each packet that libpcap gives
 *
 * The blocks: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html, 4.
 */
#ifndef FM_TRACES_PCAPNG_LINKS_H
#define FM_TRACES_PCAPNG_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FM_PCAPNG_INTERFACES 256 /* of a section; packets of later ones are taken for the first one's */
#define FM_PCAPNG_AHEAD 32768    /* packets in bytes that libpcap has been given and not read */

struct fm_pcapng_links {
	bool is;           /* a pcapng file, whose blocks are understood so far */
	bool swapped;      /* the section is of the other order of bytes */
	bool begun, mixed; /* first is known; another interface has another one */
	uint16_t first;    /* LINKTYPE of the first interface */
	uint8_t head[12];  /* of the block that is being fed */
	uint32_t at;       /* bytes of it that are there */
	uint64_t skip;     /* bytes of it that only pass by */
	uint16_t link[FM_PCAPNG_INTERFACES];
	uint32_t n;                   /* interfaces of this section */
	uint16_t of[FM_PCAPNG_AHEAD]; /* LINKTYPE of packets, as a ring */
	uint32_t put, taken;
};

void fm_pcapng_links_begin(struct fm_pcapng_links *l);
void fm_pcapng_links_feed(struct fm_pcapng_links *l, char *s, size_t n);
/* LINKTYPE of the next packet; -1: it is that of the file. */
int fm_pcapng_links_next(struct fm_pcapng_links *l);

#endif
