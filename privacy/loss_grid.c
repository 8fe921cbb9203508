#include "privacy/loss_grid.h"

#include <math.h>

#include "base/mem.h"

double fm_losses_point(const struct fm_losses *d, size_t i)
{
	return d->x ? d->x[i] : d->origin + (double)(d->low + (int64_t)i) * d->h;
}

double fm_losses_step(const struct fm_losses *d, size_t i)
{
	return d->x ? d->x[i + 1] - d->x[i] : d->h;
}

int fm_losses_new(struct fm_losses *d, double low, double high, size_t most, struct fm_error *err)
{
	double h = d->h, first = floor((low - d->origin) / h), last = ceil((high - d->origin) / h);

	if (d->x) {
		if (!(d->x[0] <= low && high <= d->x[d->n - 1]))
			return fm_fail(err, FM_EINPUT, "privacy losses from %g to %g do not fit points from %g to %g",
				       low, high, d->x[0], d->x[d->n - 1]);
		return fm_alloc(&d->p, d->n, sizeof *d->p, "privacy losses", err);
	}
	if (!(last - first < (double)most))
		return fm_fail(err, FM_EINPUT, "privacy losses from %g to %g do not fit a grid of %zu points of %g",
			       low, high, most, h);
	if (last <= first)
		last = first + 1;
	d->low = (int64_t)first;
	d->span = -fm_sf_expm1(-h);
	d->n = (size_t)(last - first) + 1;
	return fm_alloc(&d->p, d->n, sizeof *d->p, "privacy losses", err);
}

/* 1 - e^-step above the point i */
static double span(const struct fm_losses *d, size_t i)
{
	return d->x ? -fm_sf_expm1(d->x[i] - d->x[i + 1]) : d->span;
}

void fm_losses_put(struct fm_losses *d, size_t i, double p, double over, double error)
{
	double x = fm_losses_point(d, i);
	double b = x > FM_LOSS_LARGE ? p : (over + error + p * FM_LOSS_EDGE_ERROR * (1 + fabs(x))) / span(d, i);

	b = b < 0 ? 0 : b > p ? p : b;
	d->p[i] += p - b;
	d->p[i + 1] += b;
}

size_t fm_losses_cell(const struct fm_losses *d, double x)
{
	size_t low = 0, high = d->n - 1;

	if (!d->x) {
		int64_t i = (int64_t)floor((x - d->origin) / d->h) - d->low;

		return i < 0 ? 0 : i > (int64_t)d->n - 2 ? d->n - 2 : (size_t)i;
	}
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		*(d->x[mid] <= x ? &low : &high) = mid;
	}
	return low;
}

void fm_losses_put_atom(struct fm_losses *d, double p, double x)
{
	size_t i = fm_losses_cell(d, x);

	fm_losses_put(d, i, p, -p * fm_sf_expm1(fm_losses_point(d, i) - x), 0);
}
