/*
 * pcapng_links.h - what libpcap does not read of a pcapng file. The link layer of each packet, where interfaces have
 * different ones: the bytes on their way to libpcap get the link layer of the first interface, and that of each packet
 * is kept here, in order. And sections in the other byte order, as in joined files: the bytes end before such a
 * section, and go on for a new reader of libpcap.
 *
 *     n = fm_pcapng_links_pass(l, to, room, &from, &left)   all bytes of the file, in order, on their way to libpcap
 *     n = fm_pcapng_links_end(l, to, room)                  after the last one: the rest of a block that was cut off
 *     link = fm_pcapng_links_next(l)                        for each packet that libpcap gives
 *     if (l->turned) fm_pcapng_links_turn(l)                libpcap reports the end: a section in the other order
 * begins
 *
 * The blocks: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html, 4.
 */
#ifndef FM_TRACES_PCAPNG_LINKS_H
#define FM_TRACES_PCAPNG_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FM_PCAPNG_INTERFACES 256 /* of a section; packets of later interfaces are taken as of the first */
#define FM_PCAPNG_AHEAD 32768    /* packets in bytes that libpcap was given but has not read */

struct fm_pcapng_links {
	bool is;           /* a pcapng file, whose blocks are understood so far */
	bool swapped;      /* the section is in the other byte order */
	bool begun, mixed; /* `first` is known; some interface has another one */
	uint16_t first;    /* LINKTYPE of the first interface */
	bool turned;       /* the section that begins is in another byte order than the one before */
	bool in_section;
	uint8_t head[12];        /* of the block that is being fed */
	uint32_t at;             /* bytes of it that are there */
	uint8_t out[12];         /* a whole one as libpcap gets it, */
	uint32_t given, waiting; /* of which `given` bytes were given, of `waiting` */
	uint64_t skip;           /* bytes of it that only pass by */
	uint16_t link[FM_PCAPNG_INTERFACES];
	uint32_t n;                   /* interfaces of this section */
	uint16_t of[FM_PCAPNG_AHEAD]; /* LINKTYPE of packets, as a ring */
	uint32_t put, taken;
};

void fm_pcapng_links_begin(struct fm_pcapng_links *l);
size_t fm_pcapng_links_pass(struct fm_pcapng_links *l, char *to, size_t room, const char **from, size_t *left);
size_t fm_pcapng_links_end(struct fm_pcapng_links *l, char *to, size_t room);
void fm_pcapng_links_turn(struct fm_pcapng_links *l);
/* LINKTYPE of the next packet; -1: it is that of the file. */
int fm_pcapng_links_next(struct fm_pcapng_links *l);

#endif
