/*
 * words.h - ports and protocols as vectors, by a skip-gram over flows (Mikolov et al. 2013; IP2Vec: Ring et al. 2017):
 * a flow is a sentence of three words, its source port, destination port and protocol, each of which predicts the other
 * two among `negative` words that are drawn by their frequency to the 3/4.  A vector's length is 1.
 *
 * Ports in few sentences, mostly those of clients, share a word: each range of 1,024 numbers, from 0, 1024, 2048 and so
 * on, has one for its ports without a word of their own, and the word comes back as any of the 1,024.  Else thousands
 * of words about which little is known would lie everywhere between those of services.  A port in a range without a
 * word gets the nearest word on its side of 1024; an unknown protocol gets a vector without meaning.  The same bits
 * everywhere: one chain of steps.
 */
#ifndef FM_MODEL_NETSHARE_WORDS_H
#define FM_MODEL_NETSHARE_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/rng.h"
#include "model/nn/dense.h"

#define FM_WORD_NUMBERS 10
#define FM_WORD_RANGE 65536u /* the word of a range is this and the range's number */
#define FM_WORD_RANGES 64

struct fm_sentence {
	uint16_t sp, dp;
	const char *pr; /* borrowed; compared without regard to case */
};
struct fm_words {
	int nports, nprotocols;
	uint32_t *port;           /* (nports), rising: the port itself, or FM_WORD_RANGE + port / 1024 */
	float *ports, *protocols; /* (n, FM_WORD_NUMBERS) */
};
struct fm_words_in {
	const struct fm_sentence *s;
	size_t n;
	int min_count;
	char *const *protocol;
	int nprotocols;
	uint64_t seed;
};
/* Learn the vectors of ports, and of ranges of the other ports, in at least min_count sentences, and of these
 * protocols.  FM_EINPUT when no port is left. */
int fm_words_fit(struct fm_words *w, const struct fm_words_in *in, struct fm_error *err) FM_MUST_CHECK;
/* Allocate for this many. */
int fm_words_open(struct fm_words *w, int nports, int nprotocols, struct fm_error *err) FM_MUST_CHECK;
void fm_words_close(struct fm_words *w);

const float *fm_word_of_port(const struct fm_words *w, uint16_t port);
/* The port that a word comes back as; for a range, one that is drawn. */
uint16_t fm_word_port(const struct fm_words *w, int word, struct fm_rng *r);
/* Which of the n words (n, FM_WORD_NUMBERS) is nearest by its angle to each x (rows; stride). */
int fm_words_nearest(struct fm_dense *d, const float *word, int n, const float *x, int rows, int stride, int *nearest,
		     struct fm_error *err) FM_MUST_CHECK;

#endif
