/* record_shape.c - the tensors of a network over rows of tokens (record_net.h), for the denoiser that looks at them. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/diffusion/record_net.h"

static int choose(const struct fm_backbone **backbone, const int *vocab, int columns,
		  const struct fm_record_shape *shape, const struct fm_arch *arch, struct fm_error *err)
{
	int rc;

	if (columns < 1 || columns > FM_RECORD_COLUMNS || shape->places < 1 || shape->places > FM_RECORD_COLUMNS)
		return fm_fail(err, FM_EINPUT, "records of %d columns in %d places are out of range", columns,
			       shape->places);
	for (int c = 0; c < columns; c++)
		if (vocab[c] < 1 || vocab[c] > UINT16_MAX)
			return fm_fail(err, FM_EINPUT, "column %d of a record has a vocabulary of %d: give 1 to %d", c,
				       vocab[c], UINT16_MAX);
	for (int c = 0; c < columns; c++)
		if (shape->place && shape->place[c] >= shape->places)
			return fm_fail(err, FM_EINPUT, "column %d of a record is in place %d of %d", c, shape->place[c],
				       shape->places);
	if ((rc = fm_backbone_choose(backbone, shape->denoiser, arch, "places of a record", err)) < 0)
		return rc;
	if (shape->places > 1 && *backbone == &fm_mlp)
		return fm_fail(err, FM_EINPUT, "denoiser mlp does not see the other places of a record: give it one");
	return FM_OK;
}

static void declare(struct fm_record_net *net)
{
	struct fm_layout *l = &net->layout;
	int D = net->arch.width;

	for (int c = 0; c < net->columns; c++)
		if (net->vocab[c] > 1)
			net->at_tok[c] = fm_layout_add(l, net->vocab[c] + 1, D, 0.05f, "in.%d", c);
	if (net->arch.window > 1)
		net->at_place = fm_layout_add(l, net->arch.window, D, 0.05f, "in.place");
	net->at_t1 = fm_layout_add(l, D, D, 0.05f, "condition.time1.weight");
	net->at_t1b = fm_layout_add(l, 1, D, 0, "condition.time1.bias");
	net->at_t2 = fm_layout_add(l, D, D, 0.05f, "condition.time2.weight");
	net->at_t2b = fm_layout_add(l, 1, D, 0, "condition.time2.bias");
	net->backbone->declare(&net->arch, l, net->at_backbone);
	for (int c = 0; c < net->columns; c++) {
		if (net->vocab[c] == 1)
			continue;
		net->at_out[c] = fm_layout_add(l, D, net->vocab[c], 0.02f, "head.%d.weight", c);
		net->at_outb[c] = fm_layout_add(l, 1, net->vocab[c], 0, "head.%d.bias", c);
	}
}

int fm_record_net_new(struct fm_record_net **out, const int *vocab, int columns, const struct fm_record_shape *shape,
		      struct fm_error *err)
{
	struct fm_arch arch = {shape->places, shape->width, shape->depth, shape->heads, 4 * shape->width};
	const struct fm_backbone *backbone;
	struct fm_record_net *net = NULL;
	int rc;

	*out = NULL;
	if ((rc = choose(&backbone, vocab, columns, shape, &arch, err)) < 0 ||
	    (rc = fm_alloc(&net, 1, sizeof *net, "the network", err)) < 0)
		return rc;
	net->columns = columns;
	net->arch = arch;
	net->backbone = backbone;
	net->k = fm_kernels();
	for (int c = 0; c < columns; c++) {
		net->vocab[c] = vocab[c];
		net->place[c] = shape->place ? shape->place[c] : 0;
		net->used += vocab[c] > 1;
	}
	if (net->used == 0) {
		fm_record_net_free(net);
		return fm_fail(err, FM_EINPUT, "records whose columns have one value each need no network");
	}
	declare(net);
	*out = net;
	return FM_OK;
}

void fm_record_net_free(struct fm_record_net *net)
{
	free(net);
}
