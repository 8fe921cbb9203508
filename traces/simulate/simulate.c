/*
 * simulate.c - the plan of a simulated trace (how many rows of which class when) and its execution.
 *
 * Time is cut into slots, long enough to hold some dozens of flows and at least a second.  The plan gives each slot
 * exact quotas from cumulative counts, floor(N * share of the span gone by), so that they add up to N without any slot
 * knowing another.  A slot is then a function of the seed and its number; threads make runs of slots, and the text is
 * written in order.
 */
#include "traces/simulate/simulate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/stop.h"
#include "base/thread.h"
#include "traces/simulate/simulate_text.h"
#include "traces/simulate/simulate_world.h"

const char *const fm_simulate_labels[FM_SIM_NLABEL] = {
    "background",      "dos",          "scan11",    "scan44", "nerisbotnet", "anomaly-udpscan",
    "anomaly-sshscan", "anomaly-spam", "blacklist",
};

#define START_S INT64_C(1460332800)  /* 2016-04-11 00:00:00 UTC */
#define LATEST_S INT64_C(4102444800) /* 2100 */
#define MAX_THREADS 256
#define MAX_EPISODES 128
#define SLOT_ROWS 48    /* a slot is long enough for this many background flows */
#define SHARD_ROWS 8192 /* a shard is as many slots as hold this many rows */

/* A day's rhythm: flows in each hour, the quietest having 700. */
static const uint16_t rhythm[24] = {740,  720, 760, 730, 700, 710, 730, 780, 850, 980, 1080, 1060,
				    1040, 950, 860, 930, 930, 940, 900, 860, 850, 800, 760,  750};
enum { RHYTHM_MIN = 700, RHYTHM_MAX = 1080, WEEKEND = 720 /* of 1000 */ };

struct episode {
	uint8_t label;
	uint32_t number;     /* within its class */
	uint32_t start, len; /* seconds */
	uint32_t bursts;
	uint64_t rows;
};

struct plan {
	struct fm_sim_world *world;
	int64_t start_s;
	uint32_t span, slot; /* seconds */
	uint64_t background, blacklist;
	uint64_t *gone; /* [minutes + 1]: weight of the minutes before */
	uint32_t minutes;
	struct episode episode[MAX_EPISODES];
	int nepisodes;
};

struct shard {
	uint32_t from, to; /* slots */
	struct fm_buf text;
	uint64_t label[FM_SIM_NLABEL], rows;
	uint32_t first, last; /* seconds of the first and last row, when rows > 0 */
	struct fm_error err;
	int rc;
};

struct job {
	const struct plan *plan;
	struct shard *shard; /* (nshards) */
	int nshards;
	struct fm_sim_scratch *scratch; /* one a thread */
	struct fm_sim_slot *slot;       /* one a thread: its flow array is reused */
};

/* Rhythm at a minute since 1970, linear between the middles of hours. */
static uint32_t rhythm_at(int64_t minute)
{
	uint32_t m = (uint32_t)(((minute - 30) % 1440 + 1440) % 1440), h = m / 60, part = m % 60;
	return (rhythm[h] * (60 - part) + rhythm[(h + 1) % 24] * part) / 60;
}

static int plan_minutes(struct plan *p, struct fm_error *err)
{
	int rc;

	p->minutes = (p->span + 59) / 60;
	if ((rc = fm_alloc(&p->gone, (size_t)p->minutes + 1, sizeof *p->gone, "the day's rhythm", err)) < 0)
		return rc;
	for (uint32_t m = 0; m < p->minutes; m++) {
		int64_t minute = p->start_s / 60 + m;
		uint64_t w = rhythm_at(minute);
		struct fm_rng r;

		if ((minute / 1440 + 4) % 7 % 6 == 0) /* 1970 began on a Thursday; 0 is Sunday, 6 Saturday */
			w = w * WEEKEND / 1000;
		fm_rng_init(&r, p->world->seed, FM_RNG_SIMULATE, UINT64_C(1) << 55 | m, 0);
		w *= 820 + ((uint64_t)fm_rng_u32(&r) * 361 >> 32); /* no minute is like another */
		p->gone[m + 1] = p->gone[m] + w;
	}
	return FM_OK;
}

/* How many of n rows, spread by the rhythm, lie before second sec. */
static uint64_t rows_before(const struct plan *p, uint64_t n, uint32_t sec)
{
	uint32_t m = sec / 60, part = sec % 60, last = p->span / 60;
	uint64_t w = p->gone[m] * 60, all = p->gone[last] * 60;

	if (part)
		w += (p->gone[m + 1] - p->gone[m]) * part;
	if (p->span % 60)
		all += (p->gone[last + 1] - p->gone[last]) * (p->span % 60);
	return (uint64_t)((unsigned __int128)n * w / all);
}

static void plan_class(struct plan *p, int label, uint64_t rows)
{
	const struct fm_sim_class *c = &fm_sim_classes[label];
	uint64_t n = rows / c->enough;
	uint32_t bucket;

	if (n > c->day_max)
		n = c->day_max;
	if (n == 0)
		n = 1;
	bucket = p->span / (uint32_t)n;
	for (uint32_t i = 0; i < n && rows > 0; i++) {
		struct episode *e = &p->episode[p->nepisodes++];
		uint32_t len = c->seconds, most;
		uint64_t want;
		struct fm_rng r;

		if (len > bucket / 3)
			len = bucket / 3 ? bucket / 3 : 1;
		fm_rng_init(&r, p->world->seed, FM_RNG_SIMULATE, UINT64_C(3) << 54 | (uint64_t)label << 32 | i, 0);
		e->label = (uint8_t)label;
		e->number = i;
		e->len = len;
		e->start = (uint32_t)((uint64_t)p->span * i / n);
		if (bucket > len)
			e->start += (uint32_t)((uint64_t)fm_rng_u32(&r) * (bucket - len) >> 32);
		e->rows = rows * (i + 1) / n - rows * i / n;
		most = len / (c->pause + 1);
		want = e->rows / c->burst;
		e->bursts = want > most ? most : (uint32_t)want;
		if (e->bursts == 0)
			e->bursts = 1;
	}
}

/* Round a share of the rows, in millionths. */
static uint64_t share_of(uint64_t rows, uint64_t millionths)
{
	return (uint64_t)(((unsigned __int128)rows * millionths + 500000) / 1000000);
}

static void plan_slots(struct plan *p)
{
	static const uint32_t lengths[] = {1, 2, 4, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600};
	size_t i = 0;

	while (i + 1 < sizeof lengths / sizeof *lengths &&
	       (unsigned __int128)p->background * lengths[i] < (unsigned __int128)SLOT_ROWS * p->span)
		i++;
	p->slot = lengths[i];
}

static int plan_new(struct plan *p, const struct fm_simulate_in *in, struct fm_error *err)
{
	double hours = in->hours == 0 ? FM_SIM_HOURS : in->hours,
	       attacks = in->attacks == 0 ? FM_SIM_ATTACKS : in->attacks;
	uint64_t millionths, total = 0;
	int rc;

	if (in->rows == 0)
		return fm_fail(err, FM_EUSAGE, "a trace of 0 rows: give --rows N with N of 1 or more");
	if (!(hours > 0 && hours <= FM_SIM_MAX_HOURS) || hours * 3600 < 1)
		return fm_fail(err, FM_EUSAGE, "a span of %g hours: it must be from one second to %g hours", hours,
			       FM_SIM_MAX_HOURS);
	if (!(attacks <= FM_SIM_MAX_ATTACKS))
		return fm_fail(err, FM_EUSAGE, "a share of attacks of %g: it must be from 0 to %g", attacks,
			       FM_SIM_MAX_ATTACKS);
	if (!(in->ipv6 >= 0 && in->ipv6 <= 1))
		return fm_fail(err, FM_EUSAGE, "a share of IPv6 of %g: it must be from 0 to 1", in->ipv6);
	if (in->start_ms < 0 || in->start_ms / 1000 > LATEST_S)
		return fm_fail(err, FM_EUSAGE, "a start outside the years 1970 to 2099");
	p->span = (uint32_t)floor(hours * 3600 + 0.5);
	p->start_s = in->start_ms ? in->start_ms / 1000 : START_S;
	if (in->rows / FM_SIM_MAX_RATE > p->span)
		return fm_fail(err, FM_EUSAGE,
			       "%llu rows in %u seconds are over %d a second: give more hours or fewer rows",
			       (unsigned long long)in->rows, p->span, FM_SIM_MAX_RATE);
	millionths = attacks < 0 ? 0 : (uint64_t)floor(attacks * 1e6 + 0.5);
	if ((rc = fm_sim_world_new(&p->world, in->seed, err)) < 0)
		return rc;
	p->world->ipv6 = (uint32_t)floor(in->ipv6 * 1e6 + 0.5);
	if ((rc = plan_minutes(p, err)) < 0)
		return rc;
	/* Cumulative rounding: classes of a tiny trace still add up to the share of attacks. */
	for (int c = 1, shares = 0; c < FM_SIM_NLABEL; c++) {
		uint64_t before = share_of(in->rows, millionths * (uint64_t)shares / 1000), rows;
		shares += (int)fm_sim_classes[c].share;
		rows = share_of(in->rows, millionths * (uint64_t)shares / 1000) - before;
		total += rows;
		if (c == FM_SIM_BLACKLIST)
			p->blacklist = rows;
		else
			plan_class(p, c, rows);
	}
	p->background = in->rows - total;
	plan_slots(p);
	return FM_OK;
}

static void plan_free(struct plan *p)
{
	fm_sim_world_free(p->world);
	free(p->gone);
}

/* Second of burst b, since the start of its episode: bursts lie evenly over it. */
static uint32_t burst_at(const struct episode *e, uint32_t b)
{
	return (uint32_t)((2 * (uint64_t)b + 1) * e->len / (2 * (uint64_t)e->bursts));
}

/* Bursts [*from, *to) of an episode end within [first, end). */
static void bursts_in(const struct episode *e, uint32_t first, uint32_t end, uint32_t *from, uint32_t *to)
{
	uint32_t lo = 0, hi;

	*from = *to = 0;
	if (end <= e->start || first >= e->start + e->len)
		return;
	for (int side = 0; side < 2; side++) {
		uint32_t t = side ? end : first;
		t = t > e->start ? t - e->start : 0;
		for (hi = e->bursts; lo < hi;) { /* the first burst at t or later */
			uint32_t mid = lo + (hi - lo) / 2;
			if (burst_at(e, mid) < t)
				lo = mid + 1;
			else
				hi = mid;
		}
		*(side ? to : from) = lo;
	}
}

static uint64_t burst_rows(const struct episode *e, uint32_t b)
{
	return (uint64_t)((unsigned __int128)e->rows * b / e->bursts);
}

static int slot_reserve(struct fm_sim_slot *s, size_t n, struct fm_error *err)
{
	size_t cap = n + n / 2 + 64;
	int rc;

	if (n <= s->cap)
		return FM_OK;
	free(s->flow);
	s->cap = 0;
	if ((rc = fm_alloc(&s->flow, cap, sizeof *s->flow, "the flows of a slot", err)) < 0)
		return rc;
	s->cap = cap;
	return FM_OK;
}

static int slot_make(const struct plan *p, uint32_t k, struct fm_sim_slot *s, struct fm_error *err)
{
	uint64_t quota[2], all;
	uint32_t end, from, to, day;
	int rc;

	s->w = p->world;
	s->first = k * p->slot;
	end = s->first + p->slot < p->span ? s->first + p->slot : p->span;
	s->len = end - s->first;
	s->n = 0;
	quota[0] = rows_before(p, p->background, end) - rows_before(p, p->background, s->first);
	quota[1] = rows_before(p, p->blacklist, end) - rows_before(p, p->blacklist, s->first);
	all = quota[0] + quota[1];
	for (int i = 0; i < p->nepisodes; i++) {
		bursts_in(&p->episode[i], s->first, end, &from, &to);
		all += burst_rows(&p->episode[i], to) - burst_rows(&p->episode[i], from);
	}
	if ((rc = slot_reserve(s, all, err)) < 0)
		return rc;

	day = (rhythm_at(p->start_s / 60 + s->first / 60) - RHYTHM_MIN) * 1024 / (RHYTHM_MAX - RHYTHM_MIN);
	for (int listed = 0; listed < 2; listed++) {
		s->label = listed ? FM_SIM_BLACKLIST : FM_SIM_BACKGROUND;
		s->quota = s->n + quota[listed];
		fm_rng_init(&s->rng, p->world->seed, FM_RNG_SIMULATE, k, (uint32_t)listed);
		fm_sim_background(s, day);
	}
	s->quota = all;
	for (int i = 0; i < p->nepisodes; i++) {
		const struct episode *e = &p->episode[i];
		s->label = e->label;
		bursts_in(e, s->first, end, &from, &to);
		for (uint32_t b = from; b < to; b++)
			fm_sim_attack(s, e->start + burst_at(e, b), e->number, burst_rows(e, b), burst_rows(e, b + 1));
	}
	return FM_OK;
}

static void shard_make(void *ctx, int i, int thread)
{
	struct job *j = ctx;
	struct shard *h = &j->shard[i];
	struct fm_sim_slot *s = &j->slot[thread];

	h->text.len = 0;
	h->rows = 0;
	memset(h->label, 0, sizeof h->label);
	h->rc = FM_OK;
	for (uint32_t k = h->from; k < h->to; k++) {
		if ((h->rc = slot_make(j->plan, k, s, &h->err)) < 0)
			break;
		for (size_t r = 0; r < s->n; r++) {
			uint32_t sec = s->flow[r].sec;
			h->label[s->flow[r].label]++;
			if (h->rows++ == 0)
				h->first = h->last = sec;
			if (sec < h->first)
				h->first = sec;
			if (sec > h->last)
				h->last = sec;
		}
		if ((h->rc = fm_sim_text(s, j->plan->start_s, &j->scratch[thread], &h->text, &h->err)) < 0)
			break;
	}
}

static void collect(const struct shard *h, const struct plan *p, struct fm_simulate_out *out)
{
	if (h->rows == 0)
		return;
	if (out->rows == 0)
		out->first_ms = (p->start_s + h->first) * 1000;
	out->last_ms = (p->start_s + h->last) * 1000;
	out->rows += h->rows;
	out->nbytes += h->text.len;
	for (int c = 0; c < FM_SIM_NLABEL; c++)
		out->label[c] += h->label[c];
}

/* Make all slots, a batch of shards at a time, and write them in order. */
static int run(struct job *j, struct fm_pool *pool, struct fm_sim_sink *sink, struct fm_simulate_out *out,
	       struct fm_progress *progress, struct fm_error *err)
{
	const struct plan *p = j->plan;
	uint32_t slots = (p->span + p->slot - 1) / p->slot, next = 0;
	uint32_t per = (uint32_t)((uint64_t)SHARD_ROWS * slots / (p->background + 1));
	int rc;

	if (per < 1)
		per = 1;
	if (per > 4096)
		per = 4096;
	while (next < slots) {
		int n = 0, sig = fm_stop_signal();

		if (sig)
			return fm_stop_fail(sig, err, ": nothing is left of the trace");
		for (; n < j->nshards && next < slots; n++) {
			j->shard[n].from = next;
			next = slots - next > per ? next + per : slots;
			j->shard[n].to = next;
		}
		fm_pool_run(pool, n, shard_make, j);
		for (int i = 0; i < n; i++) {
			struct shard *h = &j->shard[i];
			if (h->rc < 0) {
				*err = h->err;
				return h->rc;
			}
			collect(h, p, out);
			if ((rc = fm_sim_sink_write(sink, h->text.data, h->text.len, err)) < 0)
				return rc;
		}
		fm_progress_step(progress, out->rows, NULL);
	}
	return FM_OK;
}

int fm_simulate(const struct fm_simulate_in *in, struct fm_simulate_out *out, struct fm_error *err)
{
	struct fm_error local = {0};
	struct plan *plan = NULL;
	struct job job = {0};
	struct fm_pool *pool = NULL;
	struct fm_sim_sink *sink = NULL;
	struct fm_progress progress;
	double started = fm_seconds();
	int rc, nthreads = 0, nshards = 0;

	if (!err)
		err = &local;
	memset(out, 0, sizeof *out);
	if (in->threads < 0 || in->threads > MAX_THREADS)
		return fm_fail(err, FM_EUSAGE, "%d threads: give 0 (as many as allowed) to %d", in->threads,
			       MAX_THREADS);
	if ((rc = fm_alloc(&plan, 1, sizeof *plan, "the plan of a trace", err)) < 0 ||
	    (rc = plan_new(plan, in, err)) < 0 || (rc = fm_pool_new(&pool, in->threads, err)) < 0)
		goto out;
	nthreads = fm_pool_size(pool);
	nshards = 2 * nthreads;
	job.plan = plan;
	job.nshards = nshards;
	if ((rc = fm_alloc(&job.shard, (size_t)nshards, sizeof *job.shard, "shards", err)) < 0 ||
	    (rc = fm_alloc(&job.scratch, (size_t)nthreads, sizeof *job.scratch, "scratch", err)) < 0 ||
	    (rc = fm_alloc(&job.slot, (size_t)nthreads, sizeof *job.slot, "scratch", err)) < 0 ||
	    (rc = fm_sim_sink_open(&sink, in->out, err)) < 0)
		goto out;
	fm_progress_begin(&progress, "simulate", "flows", in->rows);
	rc = run(&job, pool, sink, out, &progress, err);
	if (rc >= 0 || progress.done) /* otherwise the error says all */
		fm_progress_end(&progress, rc < 0 ? "failed" : NULL);
	if (rc < 0)
		goto out;
	rc = fm_sim_sink_commit(sink, err);
	sink = NULL;
	out->seconds = fm_seconds() - started;
out:
	fm_sim_sink_abort(sink);
	fm_pool_free(pool);
	for (int i = 0; i < nshards && job.shard; i++)
		fm_buf_free(&job.shard[i].text);
	for (int i = 0; i < nthreads; i++) {
		if (job.scratch)
			fm_sim_scratch_free(&job.scratch[i]);
		if (job.slot)
			free(job.slot[i].flow);
	}
	free(job.shard);
	free(job.scratch);
	free(job.slot);
	if (plan)
		plan_free(plan);
	free(plan);
	return rc;
}

int fm_simulate_ports(const struct fm_simulate_in *in, struct fm_simulated_ports *p, struct fm_error *err)
{
	struct fm_sim_slot slot = {0};
	struct plan *plan = NULL;
	uint64_t at = 0;
	int rc;

	if ((rc = fm_alloc(&plan, 1, sizeof *plan, "the plan of a trace", err)) < 0)
		return rc;
	if ((rc = plan_new(plan, in, err)) < 0)
		goto out;
	for (uint32_t k = 0; k < (plan->span + plan->slot - 1) / plan->slot; k++) {
		if ((rc = slot_make(plan, k, &slot, err)) < 0)
			goto out;
		for (size_t i = 0; i < slot.n && at < in->rows; i++) {
			const struct fm_sim_flow *f = &slot.flow[i];

			p[at++] = (struct fm_simulated_ports){f->sp, f->dp, fm_sim_proto[f->pr]};
		}
	}
	if (at != in->rows)
		rc = fm_fail(err, FM_ESYSTEM, "%llu of %llu flows were simulated", (unsigned long long)at,
			     (unsigned long long)in->rows);
out:
	free(slot.flow);
	plan_free(plan);
	free(plan);
	return rc;
}

static json_t *time_json(int64_t ms)
{
	char text[FM_TIME_MAX];
	return json_stringn(text, fm_format_time_s(ms, text));
}

json_t *fm_simulate_out_json(const struct fm_simulate_out *out)
{
	json_t *labels = json_object(), *all = NULL;

	for (int c = 0; labels && c < FM_SIM_NLABEL; c++)
		if (json_object_set_new(labels, fm_simulate_labels[c], json_integer((json_int_t)out->label[c])) != 0) {
			json_decref(labels);
			labels = NULL;
		}
	if (labels)
		all =
		    json_pack("{s:I,s:I,s:o,s:o,s:o}", "rows", (json_int_t)out->rows, "bytes", (json_int_t)out->nbytes,
			      "labels", labels, "first", time_json(out->first_ms), "last", time_json(out->last_ms));
	return all;
}
