/*
 * net.h - the generator and the two critics of DoppelGANger (Lin, Jain, Wang, Fanti, Sekar 2020), as NetShare has them
 * (Yin et al. 2022, 4.2), forward and back.
 *
 *     attributes  noise -> `layers` times {x W + b, ReLU, batch norm} -> x W + b -> heads
 *     records     a recurrent layer from a random first state, whose input is the attributes, each choice made hard (no
 *                 gradient goes back through it), and noise; a step makes `each` records -> heads
 *     stop        a record says whether another follows; records after the last are zeros (no gradient)
 *     critics     one reads attributes and all records, the other only the attributes (model/nn/critic.h)
 *
 * Batch norm uses the batch's own statistics, in training and when flows are made.  Threads change no bit.
 */
#ifndef FM_MODEL_NETSHARE_NET_H
#define FM_MODEL_NETSHARE_NET_H

#include <stdint.h>

#include "model/nn/critic.h"
#include "model/nn/heads.h"
#include "model/nn/lstm.h"

#define FM_DG_LAYERS 4
#define FM_DG_NOISE 5

/* All borrowed. */
struct fm_dg_shape {
	int hidden, lstm; /* width of a layer; of the recurrent layer */
	int attributes;   /* length of the attributes */
	int record;       /* length of a record */
	int steps, each;  /* a session has at most steps * each records */
	int follows;      /* place of the choice {another follows, last} in a record */
	const struct fm_head *attribute_head, *record_head;
	int nattribute_heads, nrecord_heads;
};

enum { FM_DG_W, FM_DG_B, FM_DG_SCALE, FM_DG_SHIFT, FM_DG_NTENSORS };
struct fm_dg {
	struct fm_dg_shape shape;
	struct fm_layout generator, critics; /* both critics' tensors are in one */
	size_t a[FM_DG_LAYERS + 1][FM_DG_NTENSORS];
	struct fm_lstm lstm;
	size_t out[2];
	struct fm_critic whole, alone; /* reads attributes and records; reads attributes */
};
/* Declares the tensors. */
void fm_dg_init(struct fm_dg *n, const struct fm_dg_shape *shape);
/* Numbers of a session's records. */
static inline int fm_dg_records(const struct fm_dg_shape *s)
{
	return s->steps * s->each * s->record;
}

/* Space for batches of at most `rows` sessions. */
struct fm_dg_work;
int fm_dg_work_new(struct fm_dg_work **w, const struct fm_dg *n, int rows, struct fm_pool *pool,
		   struct fm_error *err) FM_MUST_CHECK;
void fm_dg_work_free(struct fm_dg_work *w);
struct fm_dense *fm_dg_dense(struct fm_dg_work *w);

/* Standard normal. */
struct fm_dg_noise {
	const fm_real *attributes; /* (rows, FM_DG_NOISE) */
	const fm_real *records;    /* (steps, rows, FM_DG_NOISE) */
	const fm_real *h, *c;      /* (rows, lstm): the first state */
};
/* attributes (rows, attributes) */
void fm_dg_attributes(struct fm_dg_work *w, const fm_real *p, int rows, const fm_real *noise, fm_real *attributes);
/* records (rows, steps * each * record) for these attributes, the last that were made or others. */
void fm_dg_records_of(struct fm_dg_work *w, const fm_real *p, int rows, const struct fm_dg_noise *z,
		      const fm_real *attributes, fm_real *records);
/* The gradient of the last attributes and records, where the records were made for these attributes: g (generator's
 * floats) += that for dattributes (rows, attributes) and drecords (rows, steps * each * record).  Both are destroyed.
 */
void fm_dg_back(struct fm_dg_work *w, const fm_real *p, const struct fm_dg_noise *z, const fm_real *attributes,
		const fm_real *records, fm_real *dattributes, fm_real *drecords, fm_real *g);

/* Make choices hard: the largest number of each choice in x becomes 1 in y and the others 0. */
void fm_dg_decide(const struct fm_head *h, int n, const fm_real *x, fm_real *y);

#endif
