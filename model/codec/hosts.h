/*
 * hosts.h - real addresses while a trace is being learned: how often each occurs, with how many peers, its rank and its role.
 * Lives in the train stage only; the model keeps ranks and histograms (struct fm_roles), never an address.
 */
#ifndef FM_MODEL_CODEC_HOSTS_H
#define FM_MODEL_CODEC_HOSTS_H

#include "model/codec/codec.h"

struct fm_host {
	uint32_t ip;
	uint32_t flows;   /* rows it is in, either side */
	uint32_t windows; /* windows it is in */
	uint32_t peers;   /* distinct others */
	uint32_t last_window;
	int rank;         /* popular: 0..; else -1 */
};
struct fm_hosts {
	struct fm_host *host;
	size_t n, cap;
	uint32_t *slot; /* open addressing: index + 1, 0 empty */
	size_t nslots;
	int npopular;
};
/* NULL when the address does not occur in the training split. */
const struct fm_host *fm_hosts_find(const struct fm_hosts *h, uint32_t ip);
/* Packed class of a host of the tail: inside, log2 windows, log2 peers, each 0..6. */
int fm_role_class(bool inside, uint32_t windows, uint32_t peers);
bool fm_is_inside(const struct fm_codec_opts *o, uint32_t ip);
/* The packed class of a real address; one that the training split does not have is taken as seen once. */
int fm_host_class(const struct fm_hosts *hosts, const struct fm_codec_opts *o, uint32_t ip);
/* Learn *r, the ranks and histograms that the model keeps.  The caller frees it, whether it fails or not. */
int fm_roles_fit(struct fm_roles *r, const struct fm_hosts *hosts, const struct fm_codec_opts *o, struct fm_error *err) FM_MUST_CHECK;

#endif
