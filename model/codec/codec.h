/*
 * codec.h - table <-> tensors: a flow as tokens and residuals.
 *
 * A flow becomes FM_NTOK tokens (categories) and FM_NRES residuals (reals, standard normal):
 *
 *     role     whether a later flow of the window answers this one, and how it is related to an earlier one
 *              (relations.h)
 *     rel      to which flow it is related: what the two share (dir sa da, and pr sp dp of a reply) is then copied
 *     dir      which ends are inside: sa (1) + da (2); and in IPv6 (4)
 *     gap      time since the flow before, numeric
 *     label pr flg fwd stos    categories
 *     sa da    an address by its role: a popular host by rank; else, if seen in this window, by recency among its
 *              side's; else new, by class (inside or not, which family, how often such hosts appear, how many peers
 *              they have)
 *     sp dp    frequent ports are tokens, the rest ranges; one vocabulary for both
 *     pkt td   numeric
 *     bpp      bytes per packet, in thousandths: byt is coded given pkt
 *
 * Where td of a reply is near that of its request, the difference is coded, by tokens behind those of the durations.
 *
 * A numeric token is an atom (one value that many rows carry) or a quantile bin; the place inside a bin is the
 * residual: a uniform u in (0,1), on a logarithmic scale for wide bins, mapped to a normal z = Phi^-1(u).
 *
 * Encode then decode (fm_codec_encode, fm_decode) is the identity up to this resolution, for rows of any split; only
 * what fewer than k training rows have is lost (for a token of its own: fewer than min_count):
 *
 *     sp dp         exact (an ICMP flow has no source port, and GRE and the like have none: 0)
 *     pkt td gap    exact where the value is on the lattice (the coarsest step of which 999 of 1000 values are a
 *                   multiple; else it is rounded down to it) and between the outer edges (else the edge; without bins
 *                   the nearest atom); from 10,000 steps on within one step and a millionth of the value, since
 *                   residuals are floats (td of a reply may be coded by its request's, and is exact then)
 *     byt           bytes per packet in the same way, in thousandths: bytes within pkt / 2000 + 1/2 of what that makes
 *     label pr flg fwd stos    exact for values with a token, else the most similar value (flags: flow_rules.h)
 *     sa da         who is who in a window is kept (unless decoding reassigns hosts), and which side is inside;
 *                   popular hosts are the same in all windows.  The addresses are fresh, of the same family (where k
 *                   rows have it), and a flow from a host to itself goes to another
 *
 * What the codec keeps of the private rows: values that at least min_count training rows carry, bin edges on the data's
 * lattice with k rows beyond the outer ones, histograms of roles and of time, counts of labels in windows
 * (label_counts.h), and what outlasts a window (host_profiles.h, window_memory.h, kept_ports.h, repeats.h, beats.h,
 * window_follow.h, tail.h). docs/how-it-works.md has the list.  No address.
 */
#ifndef FM_MODEL_CODEC_CODEC_H
#define FM_MODEL_CODEC_CODEC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"
#include "model/codec/alike.h"
#include "model/codec/beats.h"
#include "model/codec/columns.h"
#include "model/codec/flow_shares.h"
#include "model/codec/host_profiles.h"
#include "model/codec/hosts.h"
#include "model/codec/tail.h"
#include "model/codec/times.h"
#include "model/codec/tokens.h"
#include "model/codec/window_memory.h"
#include "model/codec/windows.h"

/* The sides that an address token may stand for, 1 << side for each (hosts.h); all for a recency token. */
struct fm_codec;
int fm_address_sides(const struct fm_codec *c, int token);
#define FM_DIR_IPV6 4 /* of token dir */
/* The families that a token of pr goes with: those that min_count training rows of it have. */
#define FM_FAMILY_IPV4 1
#define FM_FAMILY_IPV6 2
int fm_families(const struct fm_codec *c, int pr);
int fm_dir_tokens(const struct fm_roles *r);
/* Address tokens: [0,window) recency, [window, window+nhosts) popular, then the classes. */

struct fm_codec {
	int window;
	unsigned present; /* columns of the table */
	struct fm_cat cat[FM_NTOK];
	struct fm_num num[FM_NRES];
	struct fm_roles roles;
	struct fm_times times;
	struct fm_profiles profiles;
	struct fm_returns returns;
	struct fm_flow_shares kept_ports, repeats;
	struct fm_beats beats;
	struct fm_tail pkt_tail;
	struct fm_alike alike;
	struct fm_num near; /* FM_NEAR_MS + td - td of the request, of replies where they are near */
	uint8_t *families;  /* (tokens of pr) fm_families; NULL in a codec without IPv6 */
	int vocab[FM_NTOK]; /* tokens of each column; 1 or less: constant, the network does not see it */
	uint64_t train_rows;
	bool text_order; /* flows of one time are in the order of their text, as after sort -u, which says nothing */
};
/* Two durations above 0 are near when they differ by at most a second and at most half of the longer one. */
#define FM_NEAR_MS 1000
bool fm_td_near(int64_t td, int64_t source);
/* The duration that a token of td stands for. u: the place in its bin; source: td of the related flow. It may be below
 * 0. */
int64_t fm_td_decode(const struct fm_codec *c, int token, double u, int64_t source);
/* The number that a flow's token and residual stand for. */
int64_t fm_codec_number(const struct fm_codec *c, enum fm_res r, const uint16_t *tok, const float *res);
/* Encoded flows: whole windows only. */
struct fm_encoded {
	size_t windows, own; /* own: how many are the split's own windows; the rest begin inside one of them */
	uint16_t *tok;       /* (windows, window, FM_NTOK) */
	float *res;          /* (windows, window, FM_NRES); NaN where the token is an atom */
	uint8_t *slot, *span, *cls, *kind; /* (windows); kind: window_kinds.h, NULL: not told */
};

/* Learn the codec and the ranks of the real hosts from the training split.  FM_EINPUT when it has no whole window. */
int fm_codec_fit_with_hosts(struct fm_codec **codec, struct fm_hosts **hosts, const struct fm_table *t,
			    const struct fm_codec_opts *o, struct fm_error *err) FM_MUST_CHECK;
/* Encode a split.  The codec of another split is fine: unknown values are coded as the nearest known one. `hosts`: the
 * ranks of real addresses, which the codec itself does not keep. */
int fm_codec_encode(const struct fm_codec *c, const struct fm_hosts *hosts, const struct fm_table *t, uint64_t seed,
		    struct fm_encoded *e, struct fm_error *err) FM_MUST_CHECK;
/* The same, and behind the split's own windows those that begin inside one and end in the next, where the two follow
 * each other in the trace: at `offsets` evenly spaced places, the first of which is the window's own beginning. */
int fm_codec_encode_offsets(const struct fm_codec *c, const struct fm_hosts *hosts, const struct fm_table *t,
			    uint64_t seed, int offsets, struct fm_encoded *e, struct fm_error *err) FM_MUST_CHECK;
void fm_encoded_free(struct fm_encoded *e);
json_t *fm_codec_json(const struct fm_codec *c);
int fm_codec_from_json(struct fm_codec **c, const json_t *j, struct fm_error *err) FM_MUST_CHECK;
void fm_codec_free(struct fm_codec *c);

int fm_span_bucket(int64_t ms);
double fm_span_ms(int bucket, double u); /* a duration in that bucket, at the place u of [0, 1) */

#endif
