/*
 * replay.c - a fuzzer without libFuzzer: each input of a corpus, each of the fuzzer's own seeds, and what changes make
 * of them, the same ones each time.
 *
 *     fuzz_X [--seeds DIR] [--changes N] CORPUS       N for each input, 40 unless told; --seeds writes the seeds to DIR
 *
 * An input on which the fuzzer crashes is left as crash-X in the folder where it was run.
 */
#include <signal.h>
#include <sys/resource.h>

#include "base/rng.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_MAX (1u << 22)
#define NAME_SIZE 256

static const uint8_t *now;
static size_t now_n;
static char crash[NAME_SIZE];

static void keep(int sig)
{
	int fd = open(crash, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd >= 0)
		(void)!write(fd, now, now_n);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void try(const uint8_t *p, size_t n)
{
	/* At its end there is nothing, so that reading on is found with sanitizers. */
	uint8_t *copy = malloc(n ? n : 1);

	if (!copy)
		abort();
	memcpy(copy, p, n);
	now = copy;
	now_n = n;
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static size_t put(uint8_t *p, size_t n, size_t at, size_t gone, const void *with, size_t nwith)
{
	if (n - gone + nwith > INPUT_MAX)
		return n;
	memmove(p + at + nwith, p + at + gone, n - at - gone);
	memcpy(p + at, with, nwith);
	return n - gone + nwith;
}

static size_t below(struct fm_rng *r, size_t n)
{
	return fm_rng_below(r, (uint32_t)n);
}

/* One change of p[0..n), which has room for INPUT_MAX. */
static size_t change(struct fm_rng *r, uint8_t *p, size_t n)
{
	static const char *const words[] = {"-1",   "0",   "1e308",  "4294967296", "18446744073709551615",
					    "null", "[]",  "{}",     "\"\"",       "true",
					    "\n",   ",",   "\"",     "\\u0000",    "\xff",
					    "../",  "0.1", "\x1b[2J"};
	uint8_t some[64];
	size_t at = n ? below(r, n) : 0, left = n - at, few = left < 64 ? left : 64;

	switch (below(r, 7)) {
	case 0: /* a bit */
		if (n)
			p[at] ^= (uint8_t)(1u << below(r, 8));
		return n;
	case 1: /* a byte */
		if (n)
			p[at] = (uint8_t)below(r, 256);
		return n;
	case 2: /* cut short */
		return at;
	case 3: /* some bytes less */
		return few ? put(p, n, at, 1 + below(r, few), some, 0) : n;
	case 4: /* some of its own bytes once more, elsewhere */
		memcpy(some, p + at, few);
		return put(p, n, n ? below(r, n) : 0, 0, some, few);
	default: { /* a word, in the place of what looks like a number where there is one */
		const char *word = words[below(r, sizeof words / sizeof *words)];
		size_t begin = at, end;

		while (begin < n && begin < at + 256 && (p[begin] < '0' || p[begin] > '9'))
			begin++;
		for (end = begin; end < n && p[end] >= '0' && p[end] <= '9';)
			end++;
		return end > begin ? put(p, n, begin, end - begin, word, strlen(word))
				   : put(p, n, at, 0, word, strlen(word));
	}
	}
}

struct replay {
	uint8_t *room;
	struct fm_rng rng;
	size_t changes, inputs, tried;
	const char *seeds;
};

static void replay_input(struct replay *r, const uint8_t *p, size_t n)
{
	r->inputs++;
	try(p, n);
	for (size_t i = 0; i < r->changes && n <= INPUT_MAX; i++) {
		size_t k = 1 + below(&r->rng, 3), m = n;

		memcpy(r->room, p, n);
		while (k--)
			m = change(&r->rng, r->room, m);
		try(r->room, m);
		r->tried++;
	}
}

static void replay_seeds(struct replay *r)
{
	uint8_t *p = NULL;
	size_t n;

	for (size_t i = 0; fuzz_seed && (n = fuzz_seed(i, &p)) > 0; i++) {
		char path[NAME_SIZE * 2];
		struct fm_error err;

		snprintf(path, sizeof path, "%s/own-%zu", r->seeds ? r->seeds : "", i);
		if (r->seeds && fm_file_write(path, 0644, p, n, &err) < 0)
			abort();
		replay_input(r, p, n);
		free(p);
	}
}

static void replay_corpus(struct replay *r, const char *dir)
{
	char **names = NULL, path[NAME_SIZE * 2];
	struct fm_buf b = {0};
	struct fm_error err;
	size_t n = 0;

	if (access(dir, F_OK) != 0)
		return;
	if (fm_dir_list(dir, &names, &n, &err) < 0)
		abort();
	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		if (fm_file_read(path, INPUT_MAX, &b, &err) < 0)
			abort();
		replay_input(r, b.data ? (const uint8_t *)b.data : (const uint8_t *)"", b.len);
		fm_buf_free(&b);
	}
	fm_names_free(names, n);
}

int main(int argc, char **argv)
{
	static const int fatal[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
	const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];
	struct replay r = {.room = malloc(INPUT_MAX), .changes = 40};
	struct rusage usage;

	if (!r.room)
		abort();
	snprintf(crash, sizeof crash, "crash-%.200s", name);
	for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
		signal(fatal[i], keep);
	fm_rng_init(&r.rng, 1, FM_RNG_JUDGE, 0, 0);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--seeds") == 0 && i + 1 < argc)
			r.seeds = argv[++i];
		else if (strcmp(argv[i], "--changes") == 0 && i + 1 < argc)
			r.changes = strtoul(argv[++i], NULL, 10);
		else
			replay_corpus(&r, argv[i]);
	}
	replay_seeds(&r);
	free(r.room);
	getrusage(RUSAGE_SELF, &usage);
	printf("%s 1 - %s: %zu inputs and %zu changes of them\n", r.inputs ? "ok" : "not ok", name, r.inputs, r.tried);
	printf("# %ld.%02ld s, %ld MiB\n1..1\n", (long)usage.ru_utime.tv_sec, (long)usage.ru_utime.tv_usec / 10000,
	       usage.ru_maxrss / 1024);
	return r.inputs ? 0 : 1;
}
