#include "base/address.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/npy.h"
#include "base/num.h"

/* An open-addressing table of code + 1 beside the addresses; a dictionary from disk has none and does not grow. */
struct fm_address_store {
	atomic_uint owners;
	struct fm_address *at;
	uint8_t *inside;
	size_t cap;
	uint32_t *slot;
	size_t nslot;
	struct fm_map map[2];
};

/* The finaliser of splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t mixed(uint64_t h)
{
	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
	h = (h ^ h >> 27) * 0x94d049bb133111ebu;
	return h ^ h >> 31;
}

static uint64_t hash(const struct fm_address *a)
{
	return mixed(mixed(fm_address_half(a, 0)) + 0x9e3779b97f4a7c15u + fm_address_half(a, 1));
}

uint64_t fm_address_key(const struct fm_address *a)
{
	uint32_t ip;

	return fm_address_ipv4(a, &ip) ? ip : hash(a) | (uint64_t)1 << 63;
}

uint64_t fm_address_network(const struct fm_address *a, unsigned drop)
{
	uint32_t ip;

	if (fm_address_ipv4(a, &ip))
		return ip >> drop;
	return mixed(fm_address_half(a, 0) >> (drop > 8 ? 16 : 0)) | (uint64_t)1 << 63;
}

/* ---- text ---- */

/* 1 to 4 hexadecimal digits at s, up to end, as a group; returns their number, 0 where there are none or more than
 * 4. */
static size_t parse_group(const char *s, const char *end, unsigned *group)
{
	size_t n = 0;

	*group = 0;
	for (int digit; s + n < end && (digit = fm_hex_digit(s[n])) >= 0; n++)
		*group = *group << 4 | (unsigned)digit;
	return n <= 4 ? n : 0;
}

/* Groups between colons into a->b (from *at on), the last of them perhaps a dotted quad. */
static int parse_groups(const char *s, const char *end, struct fm_address *a, size_t *at)
{
	for (;;) {
		unsigned group;
		uint32_t ip;
		size_t n;

		if (*at <= 12 && fm_parse_ipv4(s, (size_t)(end - s), &ip) == 0) {
			for (int shift = 24; shift >= 0; shift -= 8)
				a->b[(*at)++] = (uint8_t)(ip >> shift);
			return 0;
		}
		if (*at > 14 || (n = parse_group(s, end, &group)) == 0)
			return -1;
		a->b[(*at)++] = (uint8_t)(group >> 8);
		a->b[(*at)++] = (uint8_t)group;
		s += n;
		if (s == end)
			return 0;
		if (*s++ != ':')
			return -1;
	}
}

static int parse_ipv6(const char *s, size_t n, struct fm_address *a)
{
	const char *zone = memchr(s, '%', n), *gap = NULL, *end;
	struct fm_address head = {{0}}, tail = {{0}};
	size_t nhead = 0, ntail = 0;

	if (zone) {
		if (zone + 1 == s + n)
			return -1;
		n = (size_t)(zone - s);
	}
	end = s + n;
	for (const char *p = s; p + 1 < end && !gap; p++)
		gap = p[0] == ':' && p[1] == ':' ? p : NULL;
	if (!gap)
		return parse_groups(s, end, a, &nhead) || nhead != 16 ? -1 : 0;
	if ((gap > s && (memchr(s, '.', (size_t)(gap - s)) || parse_groups(s, gap, &head, &nhead))) ||
	    (gap + 2 < end && parse_groups(gap + 2, end, &tail, &ntail)) || nhead + ntail > 14)
		return -1;
	memcpy(head.b + 16 - ntail, tail.b, ntail);
	*a = head;
	return 0;
}

int fm_address_parse(const char *s, size_t n, struct fm_address *a)
{
	uint32_t ip;

	if (fm_parse_ipv4(s, n, &ip) == 0) {
		*a = fm_address_of_ipv4(ip);
		return 0;
	}
	return n < 2 || !memchr(s, ':', n) ? -1 : parse_ipv6(s, n, a);
}

static size_t format_group(unsigned group, char *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;

	for (int shift = 12; shift >= 0; shift -= 4)
		if (n > 0 || shift == 0 || group >> shift)
			out[n++] = digits[group >> shift & 15];
	return n;
}

size_t fm_address_format(const struct fm_address *a, char *out)
{
	int gap = -1, longest = 1; /* "::" stands for two groups and more, the first of the longest runs of 0 */
	size_t n = 0;
	uint32_t ip;

	if (fm_address_ipv4(a, &ip))
		return fm_format_ipv4(ip, out);
	for (int i = 0, run = 0; i < 8; i++) {
		run = a->b[2 * i] || a->b[2 * i + 1] ? 0 : run + 1;
		if (run > longest) {
			longest = run;
			gap = i + 1 - run;
		}
	}
	for (int i = 0; i < 8; i++) {
		if (i == gap) {
			out[n++] = ':';
			out[n++] = ':';
			i += longest - 1;
			continue;
		}
		if (i > 0 && out[n - 1] != ':')
			out[n++] = ':';
		n += format_group((unsigned)a->b[2 * i] << 8 | a->b[2 * i + 1], out + n);
	}
	return n;
}

/* ---- the dictionary ---- */

int fm_address_dict_new(struct fm_address_dict **d, struct fm_error *err)
{
	struct fm_address_store *s = NULL;
	int rc;

	*d = NULL;
	if ((rc = fm_alloc(d, 1, sizeof **d, "an address dictionary", err)) < 0)
		return rc;
	if ((rc = fm_alloc(&s, 1, sizeof *s, "an address dictionary", err)) < 0) {
		free(*d);
		*d = NULL;
		return rc;
	}
	atomic_init(&s->owners, 1);
	(*d)->store = s;
	return FM_OK;
}

struct fm_address_dict *fm_address_dict_hold(struct fm_address_dict *d)
{
	if (d)
		atomic_fetch_add(&d->store->owners, 1);
	return d;
}

void fm_address_dict_free(struct fm_address_dict *d)
{
	if (!d || atomic_fetch_sub(&d->store->owners, 1) > 1)
		return;
	fm_map_close(&d->store->map[0]);
	fm_map_close(&d->store->map[1]);
	free(d->store->at);
	free(d->store->inside);
	free(d->store->slot);
	free(d->store);
	free(d);
}

static int grow(struct fm_address_dict *d, struct fm_error *err)
{
	struct fm_address_store *s = d->store;
	size_t cap = 1024, nslot;
	struct fm_address *at;
	uint8_t *inside;
	uint32_t *slot;

	while (cap <= d->n)
		cap *= 2;
	nslot = 2 * cap;
	at = reallocarray(s->at, cap, sizeof *at);
	if (at)
		d->at = s->at = at;
	inside = at ? realloc(s->inside, cap) : NULL;
	if (inside)
		d->inside = s->inside = inside;
	slot = inside ? calloc(nslot, sizeof *slot) : NULL;
	if (!slot)
		return fm_fail(err, FM_ESYSTEM, "out of memory: %zu addresses", cap);
	for (size_t i = 0; i < d->n; i++) {
		size_t k = hash(&at[i]) & (nslot - 1);
		while (slot[k])
			k = (k + 1) & (nslot - 1);
		slot[k] = (uint32_t)i + 1;
	}
	free(s->slot);
	s->slot = slot;
	s->nslot = nslot;
	s->cap = cap;
	return FM_OK;
}

int fm_address_dict_add(struct fm_address_dict *d, const struct fm_address *a, bool inside, uint32_t *code,
			struct fm_error *err)
{
	struct fm_address_store *s = d->store;
	size_t k;
	int rc;

	if (s->map[0].data)
		return fm_fail(err, FM_ESYSTEM, "an address dictionary opened from disk cannot grow");
	if (d->n == s->cap && (rc = grow(d, err)) < 0)
		return rc;
	for (k = hash(a) & (s->nslot - 1); s->slot[k]; k = (k + 1) & (s->nslot - 1))
		if (!memcmp(&s->at[s->slot[k] - 1], a, sizeof *a)) {
			*code = s->slot[k] - 1;
			return FM_OK;
		}
	if (d->n >= FM_ADDRESSES_MAX)
		return fm_fail(err, FM_EINPUT, "over %u different addresses: take a part of the trace (source.rows)",
			       FM_ADDRESSES_MAX);
	s->at[d->n] = *a;
	s->inside[d->n] = inside;
	*code = (uint32_t)d->n;
	s->slot[k] = (uint32_t)++d->n;
	return FM_OK;
}

#define AHEAD 16 /* addresses whose slots are prefetched before the first is looked up */

int fm_address_dict_add_all(struct fm_address_dict *d, const struct fm_address *a, const uint8_t *inside, size_t n,
			    uint32_t *code, struct fm_error *err)
{
	int rc;

	for (size_t i = 0; i < n; i++) {
		const struct fm_address_store *s = d->store;

		for (size_t k = i; i % AHEAD == 0 && s->nslot && k < n && k < i + AHEAD; k++)
			__builtin_prefetch(&s->slot[hash(&a[k]) & (s->nslot - 1)]);
		if ((rc = fm_address_dict_add(d, &a[i], inside[i], &code[i], err)) < 0)
			return rc;
	}
	return FM_OK;
}

static int compare(const void *x, const void *y, void *at)
{
	const struct fm_address *a = at;

	return memcmp(&a[*(const uint32_t *)x], &a[*(const uint32_t *)y], sizeof *a);
}

int fm_address_dict_sorted(const struct fm_address_dict *d, const uint8_t *used, struct fm_address_dict **sorted,
			   uint32_t **to, struct fm_error *err)
{
	struct fm_address_dict *o = NULL;
	struct fm_address_store *s;
	uint32_t *order = NULL;
	size_t n = 0;
	int rc;

	*sorted = NULL;
	*to = NULL;
	if ((rc = fm_alloc(&order, d->n + 1, sizeof *order, "an order of addresses", err)) < 0 ||
	    (rc = fm_alloc(to, d->n + 1, sizeof **to, "codes of addresses", err)) < 0 ||
	    (rc = fm_address_dict_new(&o, err)) < 0)
		goto out;
	for (size_t i = 0; i < d->n; i++)
		if (!used || used[i])
			order[n++] = (uint32_t)i;
	qsort_r(order, n, sizeof *order, compare, (void *)(uintptr_t)d->at);
	s = o->store;
	if ((rc = fm_alloc(&s->at, n + 1, sizeof *s->at, "addresses", err)) < 0 ||
	    (rc = fm_alloc(&s->inside, n + 1, 1, "addresses", err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++) {
		s->at[i] = d->at[order[i]];
		s->inside[i] = d->inside[order[i]];
		(*to)[order[i]] = (uint32_t)i;
	}
	s->cap = o->n = n;
	o->at = s->at;
	o->inside = s->inside;
	*sorted = o;
	o = NULL;
out:
	fm_address_dict_free(o);
	free(order);
	if (rc < 0) {
		free(*to);
		*to = NULL;
	}
	return rc;
}

/* ---- on disk ---- */

static const struct part {
	const char *name, *dtype;
	unsigned wide;
} parts[2] = {{"addresses.npy", "|u1", 16}, {"inside.npy", "|b1", 0}};

static int save_part(const struct part *p, const void *data, size_t n, const char *dir, struct fm_error *err)
{
	char *path = fm_path_join(dir, p->name), header[FM_NPY_HEADER];
	struct fm_out *out = NULL;
	int rc;

	if (!path)
		return fm_fail(err, FM_ESYSTEM, "out of memory: a path");
	fm_npy_header(header, p->dtype, n, p->wide);
	if ((rc = fm_out_open(&out, path, 0600, err)) < 0 || (rc = fm_out_write(out, header, sizeof header, err)) < 0 ||
	    (rc = fm_out_write(out, data ? data : "", n * (p->wide ? p->wide : 1), err)) < 0)
		goto out;
	rc = fm_out_commit(out, err);
	out = NULL;
out:
	fm_out_abort(out);
	free(path);
	return rc;
}

int fm_address_dict_save(const struct fm_address_dict *d, const char *dir, struct fm_error *err)
{
	int rc = save_part(&parts[0], d->at, d->n, dir, err);

	return rc < 0 ? rc : save_part(&parts[1], d->inside, d->n, dir, err);
}

static int open_part(const struct part *p, struct fm_map *m, size_t n, const char *dir, const void **data,
		     struct fm_error *err)
{
	char *path = fm_path_join(dir, p->name);
	size_t start, width = p->wide ? p->wide : 1;
	int rc;

	if (!path)
		return fm_fail(err, FM_ESYSTEM, "out of memory: a path");
	if ((rc = fm_map_open(m, path, err)) < 0)
		goto out;
	start = fm_npy_data(m, p->dtype, n, p->wide);
	if (start == 0 || m->len - start != n * width) {
		rc = fm_fail(err, FM_EINPUT, "%s: not a NumPy file of %zu addresses, as the schema has it", path, n);
		goto out;
	}
	*data = (const char *)m->data + start;
out:
	free(path);
	return rc;
}

/* Are the addresses in rising order, each once, and is each `inside` 0 or 1? */
static int check_addresses(const struct fm_address_dict *d, const char *dir, struct fm_error *err)
{
	for (size_t i = 0; i < d->n; i++) {
		if (i > 0 && memcmp(&d->at[i - 1], &d->at[i], sizeof *d->at) >= 0)
			return fm_fail(err, FM_EINPUT, "%s/%s: address %zu is not above the one before it", dir,
				       parts[0].name, i + 1);
		if (d->inside[i] > 1)
			return fm_fail(err, FM_EINPUT, "%s/%s: value %zu is neither 0 nor 1", dir, parts[1].name,
				       i + 1);
	}
	return FM_OK;
}

int fm_address_dict_open(struct fm_address_dict **out, const char *dir, size_t n, struct fm_error *err)
{
	struct fm_address_dict *d = NULL;
	const void *data[2];
	int rc;

	*out = NULL;
	if ((rc = fm_address_dict_new(&d, err)) < 0)
		return rc;
	for (int k = 0; k < 2; k++)
		if ((rc = open_part(&parts[k], &d->store->map[k], n, dir, &data[k], err)) < 0)
			goto out;
	d->n = n;
	d->at = data[0];
	d->inside = data[1];
	if ((rc = check_addresses(d, dir, err)) < 0)
		goto out;
	*out = d;
	d = NULL;
out:
	fm_address_dict_free(d);
	return rc;
}
