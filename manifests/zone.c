#include "manifests/zone.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

#define FOLDER "/usr/share/zoneinfo"
#define NAME_MAX_BYTES 64
#define DAY INT64_C(86400)
#define STEP (5 * DAY)
#define CHANGES_MAX 1024 /* two a year, and the politics of the past */
#define ABBREVIATION 8

struct fm_zone {
	char name[NAME_MAX_BYTES];
	size_t n;
	int64_t from[CHANGES_MAX]; /* seconds of UTC; from[0] is 1970 less a day */
	int32_t ahead[CHANGES_MAX];
	char abbreviation[CHANGES_MAX][ABBREVIATION];
	struct fm_zone *next;
};
static struct fm_zone *zones;

/* What z's clock is at a time, by the C library. */
struct clock {
	int32_t ahead;
	char name[ABBREVIATION];
};

static struct clock clock_at(int64_t s)
{
	time_t t = (time_t)s;
	struct tm tm;
	struct clock c = {0};

	if (localtime_r(&t, &tm)) {
		c.ahead = (int32_t)tm.tm_gmtoff;
		snprintf(c.name, sizeof c.name, "%s", tm.tm_zone);
	}
	return c;
}

static bool is_last(const struct fm_zone *z, const struct clock *c)
{
	return c->ahead == z->ahead[z->n - 1] && !strcmp(c->name, z->abbreviation[z->n - 1]);
}

static void add_change(struct fm_zone *z, int64_t s)
{
	struct clock c = clock_at(s);

	z->from[z->n] = s;
	z->ahead[z->n] = c.ahead;
	memcpy(z->abbreviation[z->n++], c.name, sizeof c.name);
}

/* Of the difference to UTC or of the name alone, as from MDT to CST. No zone changes twice within five days. */
static void find_changes(struct fm_zone *z)
{
	add_change(z, -DAY);
	for (int64_t at = STEP - DAY; at < FM_TIME_END_MS / 1000 + STEP && z->n < CHANGES_MAX; at += STEP) {
		struct clock now = clock_at(at);
		int64_t before = at - STEP, behind = at;

		if (is_last(z, &now))
			continue;
		while (behind - before > 1) {
			int64_t middle = before + (behind - before) / 2;

			now = clock_at(middle);
			if (is_last(z, &now))
				before = middle;
			else
				behind = middle;
		}
		add_change(z, behind);
	}
}

/* By the C library, with TZ for as long as it takes. */
static int read_zone(struct fm_zone *z, struct fm_error *err)
{
	const char *tz = getenv("TZ");
	char path[sizeof FOLDER + NAME_MAX_BYTES + 2], *kept = tz ? strdup(tz) : NULL;

	if (tz && !kept)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	snprintf(path, sizeof path, ":%s/%s", FOLDER, z->name);
	setenv("TZ", path, 1);
	tzset();
	find_changes(z);
	if (kept)
		setenv("TZ", kept, 1);
	else
		unsetenv("TZ");
	tzset();
	free(kept);
	return FM_OK;
}

static bool is_there(const char *name)
{
	char path[sizeof FOLDER + NAME_MAX_BYTES + 2], magic[4] = "";
	FILE *f;

	if (strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") != strlen(name) ||
	    *name == '/' || strlen(name) >= NAME_MAX_BYTES)
		return false;
	snprintf(path, sizeof path, "%s/%s", FOLDER, name);
	if (!(f = fopen(path, "re")))
		return false;
	magic[fread(magic, 1, sizeof magic - 1, f)] = 0;
	fclose(f);
	return strcmp(magic, "TZi") == 0;
}

int fm_zone_find(const struct fm_zone **out, const char *name, struct fm_error *err)
{
	struct fm_zone *z = zones;
	int rc;

	while (z && strcmp(z->name, name) != 0)
		z = z->next;
	if ((*out = z))
		return FM_OK;
	if (!is_there(name))
		return fm_fail(
		    err, FM_EINPUT,
		    "the system has no time zone '%.64s': a zone is a name such as Europe/Madrid, in capital "
		    "and small letters as in " FOLDER " (Debian: tzdata)",
		    name);
	if ((rc = fm_alloc(&z, 1, sizeof *z, "a time zone", err)) < 0)
		return rc;
	snprintf(z->name, sizeof z->name, "%s", name);
	if ((rc = read_zone(z, err)) < 0) {
		free(z);
		return rc;
	}
	z->next = zones;
	*out = zones = z;
	return FM_OK;
}

/* The last change at or before s. */
static size_t change_at(const struct fm_zone *z, int64_t s)
{
	size_t low = 0, high = z->n;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (z->from[middle] <= s)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static int64_t second_of(int64_t ms)
{
	return ms >= 0 ? ms / 1000 : -((999 - ms) / 1000);
}

int64_t fm_zone_offset(const struct fm_zone *z, int64_t utc_ms)
{
	return (int64_t)z->ahead[change_at(z, second_of(utc_ms))] * 1000;
}

int fm_zone_utc(const struct fm_zone *z, int64_t clock_ms, int64_t *utc_ms)
{
	size_t i = change_at(z, second_of(clock_ms) - DAY);

	/* A clock is less than a day from UTC. */
	for (; i < z->n && z->from[i] <= second_of(clock_ms) + DAY; i++) {
		int64_t ms = clock_ms - (int64_t)z->ahead[i] * 1000, s = second_of(ms);

		if ((i == 0 || s >= z->from[i]) && (i + 1 == z->n || s < z->from[i + 1])) {
			*utc_ms = ms;
			return 0;
		}
	}
	return -1;
}

bool fm_zone_comes_again(const struct fm_zone *z, int64_t utc_ms)
{
	int64_t s = second_of(utc_ms);
	size_t i = change_at(z, s);

	return i + 1 < z->n && z->from[i + 1] - s <= z->ahead[i] - z->ahead[i + 1];
}

bool fm_zone_changes(const struct fm_zone *z)
{
	for (size_t i = 1; i < z->n; i++)
		if (z->ahead[i] < z->ahead[i - 1])
			return true;
	return false;
}

static bool is_word(const char *word, const char *s, size_t n)
{
	return strlen(word) == n && !strncasecmp(word, s, n);
}

/* By the names of z: where one of them means two differences, the time decides. */
static int named_by(const struct fm_zone *z, const char *name, size_t n, int64_t clock_ms, int *minutes)
{
	int32_t ahead = 0;
	int found = 0;

	for (size_t i = 0; i < z->n; i++) {
		int64_t s = second_of(clock_ms) - z->ahead[i];

		if (!is_word(z->abbreviation[i], name, n))
			continue;
		found += !found || z->ahead[i] != ahead;
		ahead = z->ahead[i];
		if ((i == 0 || s >= z->from[i]) && (i + 1 == z->n || s < z->from[i + 1])) {
			found = 1;
			break;
		}
	}
	*minutes = ahead / 60;
	return found == 1 ? 0 : -1;
}

int fm_zone_named(const struct fm_zone *z, const char *name, size_t n, int64_t clock_ms, int *minutes)
{
	/* Those that zoneinfo has with one difference from 1990 on, without those that other zones had or have outside
	 * of it: EST, CST, MST, PST and their summer times, IST, BST, AST, GST, SST, SAST (of South Australia too). And
	 * without WIT, which was the name of Jakarta's clock in zoneinfo until 2013, and has since been that of
	 * Jayapura's. */
	static const struct {
		const char *name;
		int minutes;
	} alone[] = {{"UTC", 0},    {"GMT", 0},    {"Z", 0},      {"CET", 60},    {"CEST", 120}, {"EET", 120},
		     {"EEST", 180}, {"WET", 0},    {"WEST", 60},  {"MET", 60},    {"MEST", 120}, {"JST", 540},
		     {"HKT", 480},  {"PKT", 300},  {"WIB", 420},  {"WITA", 480},  {"EAT", 180},  {"CAT", 120},
		     {"WAT", 60},   {"AWST", 480}, {"AEST", 600}, {"AEDT", 660},  {"ACST", 570}, {"ACDT", 630},
		     {"NZST", 720}, {"NZDT", 780}, {"HST", -600}, {"AKST", -540}, {"AKDT", -480}};

	if (z && !named_by(z, name, n, clock_ms, minutes))
		return 0;
	for (size_t i = 0; i < sizeof alone / sizeof *alone; i++)
		if (is_word(alone[i].name, name, n)) {
			*minutes = alone[i].minutes;
			return 0;
		}
	return -1;
}

int fm_zone_digest(const struct fm_zone *z, char hex[FM_SHA256_HEX], struct fm_error *err)
{
	struct fm_buf text = {0};
	uint8_t digest[FM_SHA256_LEN];
	int rc;

	for (size_t i = 0; i < z->n; i++)
		fm_buf_printf(&text, "%" PRId64 " %" PRId32 " %s\n", z->from[i], z->ahead[i], z->abbreviation[i]);
	if ((rc = fm_buf_check(&text, err)) < 0 || (rc = fm_sha256_bytes(text.data, text.len, digest, err)) < 0)
		goto out;
	fm_hex(digest, sizeof digest, hex);
out:
	fm_buf_free(&text);
	return rc;
}
