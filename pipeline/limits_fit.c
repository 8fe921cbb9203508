/*
 * What a job of this size may take at most, where the config sets no limit: bounds that follow from the rows, the
 * model's shape and the number of threads, not from the machine.
 *
 * They are several times what was measured (docs/running.md has both), so that no honest run reaches one, and in
 * proportion to the job, so that a stage that was taken over takes no more than a few times what the job is worth.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "model/generator.h"
#include "pipeline/limits.h"
#include "stages/table.h"
#include "traces/files.h"
#include "traces/source.h"

#define KIB ((double)(1 << 10))
#define MIB ((double)(1 << 20))
#define GIB ((double)(1 << 30))
#define DEFLATED 1032.0   /* text is at most so many times as long as gzip and zip pack it: 258 bytes in two bits */
#define PACKED 33000.0    /* ... as zstd does: a block of 128 KiB of one byte in four; bzip2 and xz stay below that */
#define SHORTEST 8.0      /* bytes of a row of text, or of a record */
#define STORED 64.0       /* bytes of a row of the store */
#define THREAD (16 * MIB) /* a stack, and what each thread allocates for itself */

static double largest(double a, double b)
{
	return a > b ? a : b;
}

/* How many times as long a file's text may be, by its first bytes, which are of no record, or its name. */
static double packed_by(const char *path)
{
	static const struct {
		const char *begin;
		double by;
	} of[] = {{"\x1f\x8b", DEFLATED}, {"PK\3\4", DEFLATED}, {"7z\274\257", PACKED}, {"BZh", PACKED}};
	char head[4] = "";
	FILE *f = fopen(path, "re");

	if (!f)
		return PACKED;
	setvbuf(f, NULL, _IONBF, 0);
	if (fread(head, 1, sizeof head, f) < sizeof head)
		head[0] = '\0';
	fclose(f);
	for (size_t i = 0; i < sizeof of / sizeof *of; i++)
		if (memcmp(head, of[i].begin, strlen(of[i].begin)) == 0)
			return of[i].by;
	for (size_t i = 0; i < sizeof head; i++)
		if (head[i] < '\t' || head[i] > '~')
			return PACKED;
	return fm_source_is_packed(path) ? PACKED : 1;
}

/* The size of the trace at most, unpacked. */
struct trace {
	double bytes;
	bool packed;
};
static struct trace trace_of(const struct fm_config *cfg)
{
	const char *list = cfg->source.path;
	char path[FM_FILE_PATH];
	struct trace t = {0};
	struct stat st;

	while (fm_files_next(&list, path))
		if (stat(path, &st) == 0) {
			double by = packed_by(path);

			t.packed |= by > 1;
			t.bytes += (double)st.st_size * by;
		}
	return t;
}

/* What a network of any kind takes: its weights, with their moments, averages and a gradient for each part of a batch,
 * and the activations of a batch in each layer. */
struct network {
	double weights, batch, bytes;
};
static struct network network_of(const struct fm_config *cfg)
{
	const struct fm_network_size s = fm_generator_size(cfg);
	double depth = largest(cfg->model.depth, 4);
	struct network n = {.batch = s.batch};

	n.weights = 1 * MIB + 16 * depth * s.width * s.width + 4 * cfg->model.max_hosts * s.width;
	n.bytes = 4 * (80 * n.weights + n.batch * depth * (64 * s.width + 8 * cfg->model.heads * s.window));
	return n;
}

static double memory_of(const struct fm_config *cfg, enum fm_stage_id id, double rows, const struct trace *t)
{
	double judged = 2 * MIB * (double)cfg->gate.memory, all = 8 * KIB * rows;

	switch (id) {
	case FM_INGEST: /* zstd --long=31 and xz -9e take 4 GiB to unpack */
		return (t->packed ? 5 * GIB : 1 * GIB) + 2 * t->bytes + STORED * t->bytes / SHORTEST;
	case FM_TRAIN:
		return 1 * GIB + 4 * KIB * rows + network_of(cfg).bytes;
	case FM_GENERATE:
		return 1 * GIB + 2 * KIB * rows + network_of(cfg).bytes;
	case FM_EVALUATE:
		return 1 * GIB + 1 * KIB * rows + network_of(cfg).bytes + (judged < all ? judged : all);
	case FM_RELEASE:
		return 1 * GIB + 1 * KIB * rows;
	default:
		return 512 * MIB;
	}
}

static double file_of(const struct fm_config *cfg, enum fm_stage_id id, double rows, const struct trace *t)
{
	switch (id) {
	case FM_INGEST:
		return 64 * MIB + 2 * t->bytes + STORED * t->bytes / SHORTEST;
	case FM_TRAIN:
		return 256 * MIB + 64 * rows + 32 * network_of(cfg).weights;
	case FM_GENERATE:
		return 64 * MIB + 256 * rows;
	case FM_EVALUATE:
		return 256 * MIB + 256 * rows;
	case FM_RELEASE:
		return 64 * MIB + 2 * KIB * rows;
	default:
		return 64 * MIB;
	}
}

/* Seconds of a processor a hundred times as slow as those of today. */
static double seconds_of(const struct fm_config *cfg, enum fm_stage_id id, double rows, const struct trace *t)
{
	struct network n = network_of(cfg);

	switch (id) {
	case FM_INGEST:
		return 3600 + 1e-5 * t->bytes;
	case FM_TRAIN:
		return 36000 + 0.05 * rows +
		       1e-8 * 6 * n.weights * n.batch * largest(cfg->train.steps, cfg->train.epochs * rows / 1000);
	case FM_GENERATE:
		return 36000 + 1e-8 * 2 * n.weights * rows * largest(cfg->generate.steps, 10);
	case FM_EVALUATE:
		return 36000 + 0.1 * rows + 1e-8 * 6 * n.weights * 1e5;
	default:
		return 3600 + 0.01 * rows;
	}
}

static uint64_t lesser(uint64_t most, double fit)
{
	return most && (double)most < fit ? most : (uint64_t)fit;
}

uint64_t fm_limits_fit(const struct fm_config *cfg, enum fm_stage_id id, const char *dir, uint64_t known,
		       struct fm_sandbox_limits *l)
{
	const struct trace t = trace_of(cfg);
	double most = t.bytes / SHORTEST, rows = known ? (double)known : most, made = (double)cfg->generate.rows,
	       noise = fm_config_dp(cfg) ? 1e5 : 0, file;

	fm_limits_of(cfg, dir, fm_stage_table[id].threads, l);
	if (!known && most <= 0 && made <= 0) /* a run from a bundle: the model alone knows how many flows it makes */
		return fm_limits_output(cfg, dir);
	/* In privacy.mode dp the number of flows is noisy.  How many rows there are, ingest says; no more than the
	 * trace can have are believed. */
	rows = largest(most > 0 && rows > most ? most : rows, made) + noise;
	file = file_of(cfg, id, rows, &t);
	if (!cfg->limits.memory_mib)
		l->memory = lesser(l->memory, memory_of(cfg, id, rows, &t) + THREAD * (l->threads ? l->threads : 1));
	if (!cfg->limits.file_mib)
		l->file_bytes = lesser(l->file_bytes, file);
	if (!fm_config_is_set(cfg, "limits.cpu_hours"))
		l->cpu_seconds = lesser(l->cpu_seconds, seconds_of(cfg, id, rows, &t));
	return cfg->limits.output_mib ? fm_limits_output(cfg, dir) : lesser(fm_limits_output(cfg, dir), 2 * file);
}
