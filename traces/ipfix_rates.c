#include "traces/ipfix_rates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "traces/source.h"

#define HEAD 16      /* bytes of a message's header */
#define TEMPLATES 64 /* of options with a rate, at once */
#define FIELDS 64
#define OPTIONS 3 /* number of a set of their templates */
#define VARIABLE 65535
#define STATED_MAX 1024

/* Elements of IANA's registry. */
enum {
	SAMPLING_INTERVAL = 34,
	SAMPLER_ID = 48,
	SAMPLER_RANDOM_INTERVAL = 50,
	SELECTOR_ID = 302,
	SAMPLING_PACKET_INTERVAL = 305,
	SAMPLING_PACKET_SPACE = 306,
	SAMPLING_SIZE = 309,
	SAMPLING_POPULATION = 310,
	SAMPLING_PROBABILITY = 311,
};

struct template
{
	uint32_t domain;
	uint16_t id; /* 0: free */
	int n;
	struct {
		uint16_t element, size; /* element 0: of an enterprise, or one that is not looked for */
	} field[FIELDS];
};
struct reading {
	struct fm_ipfix_rates *rates;
	struct fm_source *source;
	const char *left;
	size_t nleft;
	uint64_t at;
	struct template template[TEMPLATES];
	uint8_t message[65536];
	int rc; /* of the source */
	struct fm_error error;
};

struct fm_ipfix_rate fm_ipfix_rate_of(const struct fm_ipfix_sampling *s)
{
	if (s->has_space && s->packet_interval)
		return (struct fm_ipfix_rate){s->packet_interval + s->packet_space, s->packet_interval};
	if (s->size && s->population >= s->size)
		return (struct fm_ipfix_rate){s->population, s->size};
	if (s->random_interval)
		return (struct fm_ipfix_rate){s->random_interval, 1};
	if (s->interval)
		return (struct fm_ipfix_rate){s->interval, 1};
	if (s->probability > 1e-9 && s->probability <= 1)
		return (struct fm_ipfix_rate){(uint64_t)llround(1e9 / s->probability), 1000000000};
	return (struct fm_ipfix_rate){0, 0};
}

static uint64_t number(const uint8_t *s, size_t n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *s++;
	return v;
}

static double real(const uint8_t *s, size_t n)
{
	uint64_t bits = number(s, n);
	uint32_t bits4 = (uint32_t)bits;
	double v = 0;
	float v4;

	if (n == 8) {
		memcpy(&v, &bits, 8);
	} else if (n == 4) {
		memcpy(&v4, &bits4, 4);
		v = (double)v4;
	}
	return v;
}

static void take_field(struct fm_ipfix_sampling *s, uint16_t element, const uint8_t *at, size_t n)
{
	uint64_t v = n <= 8 ? number(at, n) : 0;

	switch (element) {
	case SAMPLING_INTERVAL:
		s->interval = v;
		break;
	case SAMPLER_RANDOM_INTERVAL:
		s->random_interval = v;
		break;
	case SAMPLING_PACKET_INTERVAL:
		s->packet_interval = v;
		break;
	case SAMPLING_PACKET_SPACE:
		s->packet_space = v;
		s->has_space = true;
		break;
	case SAMPLING_SIZE:
		s->size = v;
		break;
	case SAMPLING_POPULATION:
		s->population = v;
		break;
	case SAMPLING_PROBABILITY:
		s->probability = real(at, n);
		break;
	case SAMPLER_ID:
	case SELECTOR_ID:
		s->selector = v;
		s->has_selector = true;
		break;
	default:
		break;
	}
}

/* ---- templates ---- */

static struct template *find(struct reading *r, uint32_t domain, uint16_t id)
{
	for (int i = 0; i < TEMPLATES; i++)
		if (r->template[i].id == id && (!id || r->template[i].domain == domain))
			return &r->template[i];
	return NULL;
}

static bool is_rate(uint16_t element)
{
	return element == SAMPLING_INTERVAL || element == SAMPLER_RANDOM_INTERVAL ||
	       (element >= SAMPLING_PACKET_INTERVAL && element <= SAMPLING_PROBABILITY);
}

/* One template; returns its bytes, 0: they are not all there. Of the templates of options those with a rate are
 * kept. */
static size_t take_template(struct reading *r, uint32_t domain, bool options, const uint8_t *s, size_t n)
{
	size_t head = options ? 6 : 4, at = head;
	struct template t = {.domain = domain}, *to;
	bool rate = false;
	size_t fields;

	if (n < 4)
		return 0;
	t.id = (uint16_t)number(s, 2);
	fields = number(s + 2, 2);
	to = find(r, domain, t.id);
	if (to)
		to->id = 0; /* the template is redefined from here on */
	if (!fields)
		return 4;
	if (n < head)
		return 0;
	for (size_t i = 0; i < fields; i++) {
		uint16_t element, size;

		if (n - at < 4)
			return 0;
		element = (uint16_t)number(s + at, 2);
		size = (uint16_t)number(s + at + 2, 2);
		at += 4;
		if (element & 0x8000) {
			if (n - at < 4)
				return 0;
			at += 4;
			element = 0;
		}
		rate = rate || is_rate(element);
		if (i < FIELDS) {
			t.field[i].element = element;
			t.field[i].size = size;
		}
	}
	t.n = (int)fields;
	if (options && rate && fields <= FIELDS && t.id >= 256 && (to = find(r, 0, 0)))
		*to = t;
	return at;
}

/* ---- records ---- */

static int state(struct reading *r, uint32_t domain, const struct fm_ipfix_sampling *s, struct fm_error *err)
{
	struct fm_ipfix_rates *to = r->rates;
	struct fm_ipfix_rate rate = fm_ipfix_rate_of(s);

	if (!rate.taken)
		return FM_OK;
	for (size_t i = to->n; i-- > 0;) {
		const struct fm_ipfix_stated *last = &to->stated[i];

		if (last->domain != domain || last->has_selector != s->has_selector || last->selector != s->selector)
			continue;
		if (last->rate.of == rate.of && last->rate.taken == rate.taken)
			return FM_OK;
		break;
	}
	if (to->n == STATED_MAX)
		return fm_fail(
		    err, FM_EINPUT,
		    "its options state over %d rates of sampling: set sampling in a dialect file, to the rate of "
		    "its flows, or to 1 where they are as they went by",
		    STATED_MAX);
	if (to->n == to->max) {
		size_t max = to->max ? 2 * to->max : 16;
		struct fm_ipfix_stated *more = realloc(to->stated, max * sizeof *more);

		if (!more)
			return fm_fail(err, FM_ESYSTEM, "out of memory: rates of sampling");
		to->stated = more;
		to->max = max;
	}
	to->stated[to->n++] = (struct fm_ipfix_stated){domain, s->has_selector, s->selector, r->at, rate};
	return FM_OK;
}

/* One record of options; returns its bytes, 0: they are not all there. */
static size_t take_record(const struct template *t, const uint8_t *s, size_t n, struct fm_ipfix_sampling *out)
{
	size_t at = 0;

	*out = (struct fm_ipfix_sampling){0};
	for (int i = 0; i < t->n; i++) {
		size_t size = t->field[i].size;

		if (size == VARIABLE) {
			if (n - at < 1)
				return 0;
			size = s[at++];
			if (size == 255) {
				if (n - at < 2)
					return 0;
				size = number(s + at, 2);
				at += 2;
			}
		}
		if (n - at < size)
			return 0;
		take_field(out, t->field[i].element, s + at, size);
		at += size;
	}
	return at;
}

static int take_set(struct reading *r, uint32_t domain, const uint8_t *s, size_t n, struct fm_error *err)
{
	unsigned id = (unsigned)number(s, 2);
	const struct template *t;
	size_t used;
	int rc;

	s += 4;
	n -= 4;
	if (id == 2 || id == OPTIONS) {
		for (; n >= 4 && (used = take_template(r, domain, id == OPTIONS, s, n)); s += used, n -= used)
			;
		return FM_OK;
	}
	if (id < 256 || !(t = find(r, domain, (uint16_t)id)))
		return FM_OK;
	for (struct fm_ipfix_sampling said; n && (used = take_record(t, s, n, &said)); s += used, n -= used)
		if ((rc = state(r, domain, &said, err)) < 0)
			return rc;
	return FM_OK;
}

/* ---- the file ---- */

/* n bytes; false: the file ends, or is damaged, or cannot be read (r->rc). */
static bool take(struct reading *r, uint8_t *to, size_t n)
{
	while (n) {
		size_t some;

		if (!r->nleft &&
		    ((r->rc = fm_source_next(r->source, &r->left, &r->nleft, &r->error)) < 0 || !r->nleft)) {
			r->nleft = 0;
			return false;
		}
		some = n < r->nleft ? n : r->nleft;
		memcpy(to, r->left, some);
		r->left += some;
		r->nleft -= some;
		to += some;
		n -= some;
	}
	return true;
}

int fm_ipfix_rates_read(struct fm_ipfix_rates *rates, const char *path, const char *member, struct fm_error *err)
{
	struct reading *r;
	int rc;

	if ((rc = fm_alloc(&r, 1, sizeof *r, "the options of an exporter", err)) < 0)
		return rc;
	rates->n = 0;
	r->rates = rates;
	if ((rc = fm_source_open(&r->source, path, member, err)) < 0)
		goto out;
	while (take(r, r->message, HEAD)) {
		size_t n = number(r->message + 2, 2), len;
		uint32_t domain = (uint32_t)number(r->message + 12, 4);

		if (number(r->message, 2) != 10 || n < HEAD || !take(r, r->message + HEAD, n - HEAD))
			break;
		for (size_t at = HEAD; n - at >= 4; at += len) {
			len = number(r->message + at + 2, 2);
			if (len < 4 || len > n - at)
				break;
			if ((rc = take_set(r, domain, r->message + at, len, err)) < 0)
				goto out;
		}
		r->at += n;
	}
	/* Without what stands behind that place flows would have too few packets. */
	if (r->rc == FM_ESYSTEM)
		rc = fm_error_set(err, r->rc, r->error.file, r->error.line, "%s", r->error.message);
out:
	fm_source_close(r->source);
	free(r);
	return rc;
}

static bool same(struct fm_ipfix_rate a, struct fm_ipfix_rate b)
{
	return a.of == b.of && a.taken == b.taken;
}

/* For selector i of the file: the rate stated last before byte `at`, or else the first one. */
static struct fm_ipfix_rate rate_at(const struct fm_ipfix_rates *r, const struct fm_ipfix_stated *of, uint64_t at)
{
	struct fm_ipfix_rate rate = of->rate;

	for (const struct fm_ipfix_stated *s = of; s < r->stated + r->n; s++)
		if (s->domain == of->domain && s->has_selector == of->has_selector && s->selector == of->selector &&
		    s->at <= at)
			rate = s->rate;
	return rate;
}

struct fm_ipfix_rate fm_ipfix_rates_find(const struct fm_ipfix_rates *r, uint32_t domain,
					 const struct fm_ipfix_sampling *s, uint64_t at, bool *unsure)
{
	struct fm_ipfix_rate rate = {0, 0};
	bool named = s->has_selector && s->selector;

	*unsure = false;
	if (s->has_selector && !s->selector)
		return rate; /* samplerId 0: not sampled */
	for (size_t i = 0; i < r->n; i++) {
		const struct fm_ipfix_stated *of = &r->stated[i];
		struct fm_ipfix_rate one;

		if (of->domain != domain || (named && of->has_selector && of->selector != s->selector))
			continue;
		one = rate_at(r, of, at);
		if (named && of->has_selector)
			return one;
		*unsure = *unsure || (rate.taken && !same(rate, one));
		rate = one;
	}
	/* Where a rate changed, each entry of its selector gives the same answer. */
	return *unsure ? (struct fm_ipfix_rate){0, 0} : rate;
}

bool fm_ipfix_rate_apply(struct fm_ipfix_rate rate, uint64_t *count)
{
	unsigned __int128 v;

	if (!rate.taken || rate.of == rate.taken)
		return *count <= INT64_MAX;
	v = ((unsigned __int128)*count * rate.of + rate.taken / 2) / rate.taken;
	if (v > INT64_MAX)
		return false;
	*count = (uint64_t)v;
	return true;
}

void fm_ipfix_rates_free(struct fm_ipfix_rates *r)
{
	free(r->stated);
	*r = (struct fm_ipfix_rates){0};
}
