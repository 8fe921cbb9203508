/*
 * shuffled.c - what a network without a fault would lead to: the windows of a trace in random order, with hosts
 * assigned.
 *
 *     shuffled FILE ROWS OUT [SEED]      FILE: a trace of UGR'16, its first ROWS flows (0: all); SEED: 1
 *
 * No network is trained: codec, profiles and memory are learned from the trace, its own windows of 64 flows are put at
 * the times of others that last as long, decoded, and written to OUT in the same dialect.  Beside the trace it tells
 * how much of a difference in time, of hosts and of scans is due to what is decided beyond the window.
 */
#include "tests/unit/model_fixture.h"

enum { WINDOW = 64 };

int main(int argc, char **argv)
{
	struct fm_codec *c = NULL;
	struct fm_hosts *hosts = NULL;
	struct fm_encoded e = {0};
	struct fm_dialect *d = NULL;
	struct fm_table *t, *made = NULL;
	struct fm_error err = {.message = "the trace cannot be read, or its windows not be made"};
	if (argc < 4) {
		fprintf(stderr, "usage: shuffled FILE ROWS OUT [SEED]\n");
		return 2;
	}
	uint64_t seed = argc > 4 ? strtoull(argv[4], NULL, 10) : 1;
	t = fixture_read(argv[1], strtoull(argv[2], NULL, 10), WINDOW, INT32_MAX);
	if (!t)
		goto out;
	struct fm_codec_opts o = fixture_opts(t, WINDOW);
	if (fm_dialect_load(&d, "ugr16", &err) < 0 || fm_codec_fit_with_hosts(&c, &hosts, t, &o, &err) < 0 ||
	    fm_codec_encode(c, hosts, t, seed, &e, &err) < 0 || !(made = fixture_shuffled(c, &e, seed)) ||
	    fm_trace_write(made, d, argv[3], &err) < 0)
		goto out;
	return 0;
out:
	fprintf(stderr, "shuffled: %s\n", err.message);
	return 1;
}
