#include "base/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

const struct fm_col_info fm_cols[FM_NCOL] = {
    [FM_TE] = {"te", FM_KIND_TIME, "ms", "<i8", 8},         [FM_TD] = {"td", FM_KIND_DURATION, "ms", "<u4", 4},
    [FM_SA] = {"sa", FM_KIND_ADDRESS, "", "<u4", 4},        [FM_DA] = {"da", FM_KIND_ADDRESS, "", "<u4", 4},
    [FM_SP] = {"sp", FM_KIND_PORT, "", "<u2", 2},           [FM_DP] = {"dp", FM_KIND_PORT, "", "<u2", 2},
    [FM_PR] = {"pr", FM_KIND_CATEGORY, "", "<u2", 2},       [FM_FLG] = {"flg", FM_KIND_CATEGORY, "", "<u2", 2},
    [FM_FWD] = {"fwd", FM_KIND_CATEGORY, "", "<u2", 2},     [FM_STOS] = {"stos", FM_KIND_CATEGORY, "", "<u2", 2},
    [FM_PKT] = {"pkt", FM_KIND_COUNT, "packets", "<u8", 8}, [FM_BYT] = {"byt", FM_KIND_COUNT, "bytes", "<u8", 8},
    [FM_LABEL] = {"label", FM_KIND_CATEGORY, "", "<u2", 2}, [FM_WIN] = {"win", FM_KIND_COUNT, "windows", "<u4", 4},
    [FM_GAP] = {"gap", FM_KIND_COUNT, "ms", "<u4", 4},
};

int fm_col_find(const char *name)
{
	for (int c = 0; c < FM_NCOL; c++)
		if (strcmp(name, fm_cols[c].name) == 0)
			return c;
	return -1;
}

struct fm_dict_slot {
	uint32_t hash;
	uint16_t index; /* of the value, plus 1; 0: the slot is free */
	uint16_t len;
};
_Static_assert(FM_DICT_MAX <= UINT16_MAX, "an index plus 1 fits its slot");

static uint64_t load64(const char *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return x;
}

static uint32_t load32(const char *p)
{
	uint32_t x;

	memcpy(&x, p, sizeof(x));
	return x;
}

/* Eight bytes per step; the last ones may overlap those before.  The hash decides only where a value is looked for.
 */
static uint32_t hash_bytes(const char *s, size_t n)
{
	const uint64_t mul = 0x9E3779B97F4A7C15u;
	uint64_t h = n * mul, x;

	for (; n > 8; s += 8, n -= 8) {
		h = (h ^ load64(s)) * mul;
		h ^= h >> 29;
	}
	if (n == 8)
		x = load64(s);
	else if (n >= 4)
		x = (uint64_t)load32(s) << 32 | load32(s + n - 4);
	else if (n > 0)
		x = (uint64_t)(unsigned char)s[0] << 16 | (uint64_t)(unsigned char)s[n / 2] << 8 |
		    (unsigned char)s[n - 1];
	else
		x = 0;
	h = (h ^ x) * mul;
	return (uint32_t)(h >> 32) ^ (uint32_t)h;
}

/* The index of the value, or -1. */
static int dict_find(const struct fm_dict *d, const char *s, size_t n, uint32_t hash)
{
	size_t mask = d->nslot - 1;

	for (size_t i = hash & mask; d->slot[i].index != 0; i = (i + 1) & mask)
		if (d->slot[i].hash == hash && d->slot[i].len == n && memcmp(d->value[d->slot[i].index - 1], s, n) == 0)
			return d->slot[i].index - 1;
	return -1;
}

static void dict_hash_one(struct fm_dict *d, size_t index)
{
	size_t len = strlen(d->value[index]), mask = d->nslot - 1, i;
	uint32_t hash = hash_bytes(d->value[index], len);

	for (i = hash & mask; d->slot[i].index != 0; i = (i + 1) & mask)
		;
	d->slot[i] = (struct fm_dict_slot){.hash = hash, .index = (uint16_t)(index + 1), .len = (uint16_t)len};
}

/* Bring the hash table up to the values, with room for one more. */
static int dict_rehash(struct fm_dict *d)
{
	if (d->nhashed > d->n || (d->n + 1) * 2 > d->nslot) {
		size_t nslot = 16;
		struct fm_dict_slot *slot;

		while (nslot < (d->n + 1) * 4)
			nslot *= 2;
		slot = calloc(nslot, sizeof(*slot));
		if (slot == NULL)
			return -1;
		free(d->slot);
		d->slot = slot;
		d->nslot = nslot;
		d->nhashed = 0;
	}
	while (d->nhashed < d->n)
		dict_hash_one(d, d->nhashed++);
	return 0;
}

/* UTF-8 without NUL. */
static bool is_text(const char *s, size_t n)
{
	size_t len = 0;
	uint32_t code = 1;

	for (size_t i = 0; i < n && code != 0; i += len)
		if ((len = fm_utf8_next(s + i, n - i, &code)) == 0)
			return false;
	return code != 0;
}

static int dict_add(struct fm_dict *d, const char *s, size_t n)
{
	char **value, *copy;
	size_t cap;

	if (n > FM_DICT_VALUE_MAX || d->n >= FM_DICT_MAX || !is_text(s, n) || dict_rehash(d) != 0)
		return -1;
	if (d->n == d->cap) {
		cap = d->cap == 0 ? 16 : d->cap * 2;
		value = reallocarray(d->value, cap, sizeof(*value));
		if (value == NULL)
			return -1;
		d->value = value;
		d->cap = cap;
	}
	copy = strndup(s, n);
	if (copy == NULL)
		return -1;
	d->value[d->n++] = copy;
	dict_hash_one(d, d->nhashed++);
	return (int)(d->n - 1);
}

int fm_dict_index(struct fm_dict *d, const char *s, size_t n, bool add)
{
	int found = -1;

	if (d->nslot > 0 && d->nhashed == d->n) {
		found = dict_find(d, s, n, hash_bytes(s, n));
	} else { /* values were put in by hand: dict_add will hash them */
		for (size_t i = 0; i < d->n && found < 0; i++)
			if (strlen(d->value[i]) == n && memcmp(d->value[i], s, n) == 0)
				found = (int)i;
	}
	return found >= 0 || !add ? found : dict_add(d, s, n);
}

int fm_dict_copy(struct fm_dict *dst, const struct fm_dict *src, struct fm_error *err)
{
	struct fm_dict d = {0};

	for (size_t i = 0; i < src->n; i++)
		if (dict_add(&d, src->value[i], strlen(src->value[i])) < 0) {
			fm_dict_free(&d);
			return fm_fail(err, FM_ESYSTEM, "out of memory: %zu category values", src->n);
		}
	*dst = d;
	return FM_OK;
}

void fm_dict_free(struct fm_dict *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->n; i++)
		free(d->value[i]);
	free(d->value);
	free(d->slot);
	*d = (struct fm_dict){0};
}

int fm_table_new(struct fm_table **t, unsigned present, struct fm_error *err)
{
	int rc;

	*t = NULL;
	if (present >> FM_NCOL != 0)
		return fm_fail(err, FM_ESYSTEM, "a table with columns that do not exist (%#x)", present);
	if ((rc = fm_alloc(t, 1, sizeof(**t), "a table", err)) < 0)
		return rc;
	(*t)->present = present;
	return FM_OK;
}

static bool is_mapped(const struct fm_table *t)
{
	for (int c = 0; c < FM_NCOL; c++)
		if (t->map[c] != NULL)
			return true;
	return false;
}

/* ---- columns in files without a name ---- */

/* Space is set aside, so that a full disk is an error here and no signal later. */
static int set_aside(int fd, size_t bytes, const char *dir, struct fm_error *err)
{
	int code = posix_fallocate(fd, 0, (off_t)bytes);

	if (code == 0)
		return FM_OK;
	errno = code;
	return fm_fail_errno(err, "cannot keep a table of %zu MiB in %s (TMPDIR names another folder)", bytes >> 20,
			     dir);
}

static int spill_column(struct fm_table *t, int c, const char *dir, struct fm_error *err)
{
	size_t bytes = t->cap * fm_cols[c].width;
	char path[4096];
	int rc;

	if (snprintf(path, sizeof path, "%s/flowmint-column-XXXXXX", dir) >= (int)sizeof path)
		return fm_fail(err, FM_EUSAGE, "the name of the folder %.60s... is too long", dir);
	t->fd[c] = mkostemp(path, O_CLOEXEC);
	if (t->fd[c] < 0)
		return fm_fail_errno(err, "cannot keep a table in %s (TMPDIR names another folder)", dir);
	(void)unlink(path);
	if ((rc = set_aside(t->fd[c], bytes, dir, err)) < 0)
		return rc;
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, t->fd[c], 0);
	if (map == MAP_FAILED)
		return fm_fail_errno(err, "cannot map a table's column");
	memcpy(map, t->col[c], t->rows * fm_cols[c].width);
	free(t->col[c]);
	t->col[c] = t->map[c] = map;
	t->map_len[c] = bytes;
	return FM_OK;
}

int fm_table_spill(struct fm_table *t, const char *dir, struct fm_error *err)
{
	int rc = FM_OK;

	if (t->spilled || is_mapped(t) || t->cap == 0)
		return fm_fail(err, FM_ESYSTEM, "only a table in memory can be moved to files");
	for (int c = 0; c < FM_NCOL; c++)
		t->fd[c] = -1;
	t->spilled = true;
	for (int c = 0; c < FM_NCOL; c++)
		if (FM_HAS(t, c) && (rc = spill_column(t, c, dir, err)) < 0)
			break;
	fm_table_forget(t, 0, t->rows);
	return rc;
}

static int grow_spilled(struct fm_table *t, size_t rows, struct fm_error *err)
{
	for (int c = 0; c < FM_NCOL; c++) {
		size_t bytes = rows * fm_cols[c].width;
		int rc;

		if (!FM_HAS(t, c))
			continue;
		if ((rc = set_aside(t->fd[c], bytes, "the folder for temporary files", err)) < 0)
			return rc;
		void *map = mremap(t->map[c], t->map_len[c], bytes, MREMAP_MAYMOVE);
		if (map == MAP_FAILED)
			return fm_fail_errno(err, "cannot map a table's column");
		t->col[c] = t->map[c] = map;
		t->map_len[c] = bytes;
	}
	t->cap = rows;
	return FM_OK;
}

/* ---- in memory ---- */

static int reserve(struct fm_table *t, size_t rows,
		   int (*alloc)(void *, size_t, size_t, const char *, struct fm_error *), struct fm_error *err)
{
	void *grown[FM_NCOL] = {0};

	if (is_mapped(t) && !t->spilled)
		return fm_fail(err, FM_ESYSTEM, "a table opened from disk cannot grow");
	if (rows <= t->cap)
		return FM_OK;
	if (t->spilled)
		return grow_spilled(t, rows, err);
	for (int c = 0; c < FM_NCOL; c++) {
		int rc = FM_HAS(t, c) ? alloc(&grown[c], rows, fm_cols[c].width, "a table's column", err) : FM_OK;

		if (rc < 0) {
			while (c-- > 0)
				free(grown[c]);
			return rc;
		}
	}
	for (int c = 0; c < FM_NCOL; c++) {
		if (!FM_HAS(t, c))
			continue;
		if (t->rows > 0)
			memcpy(grown[c], t->col[c], t->rows * fm_cols[c].width);
		free(t->col[c]);
		t->col[c] = grown[c];
	}
	t->cap = rows;
	return FM_OK;
}

int fm_table_reserve(struct fm_table *t, size_t rows, struct fm_error *err)
{
	return reserve(t, rows, fm_alloc, err);
}

int fm_table_room(struct fm_table *t, size_t rows, struct fm_error *err)
{
	return reserve(t, rows, fm_alloc_room, err);
}

/* The index in dst of the value of row i of src. */
static int append_category(struct fm_table *dst, const struct fm_table *src, int c, size_t i, uint16_t *v,
			   struct fm_error *err)
{
	const char *s = FM_HAS(src, c) ? fm_table_category(src, (enum fm_col)c, i) : "";
	struct fm_dict *d = &dst->dict[c];
	size_t hint = FM_HAS(src, c) ? ((const uint16_t *)src->col[c])[i] : 0;
	int index;

	/* Tables from one source have the same dictionaries. */
	if (hint < d->n && strcmp(d->value[hint], s) == 0) {
		*v = (uint16_t)hint;
		return FM_OK;
	}
	index = fm_dict_index(d, s, strlen(s), true);
	if (index < 0)
		return fm_fail(err, d->n >= FM_DICT_MAX ? FM_EINPUT : FM_ESYSTEM,
			       "column %s: no room for one more value: it has %zu, at most %d", fm_cols[c].name, d->n,
			       FM_DICT_MAX);
	*v = (uint16_t)index;
	return FM_OK;
}

int fm_table_append(struct fm_table *dst, const struct fm_table *src, size_t i, struct fm_error *err)
{
	size_t row = dst->rows;
	int rc;

	if (row == dst->cap && (rc = fm_table_reserve(dst, row < 1024 ? 1024 : row * 2, err)) < 0)
		return rc;
	if (row == 0 && dst->addresses == NULL)
		dst->addresses = fm_address_dict_hold(src->addresses);
	if (dst->addresses != src->addresses)
		return fm_fail(err, FM_ESYSTEM, "rows of tables with different dictionaries of addresses");
	for (int c = 0; c < FM_NCOL; c++) {
		size_t width = fm_cols[c].width;
		char *to;

		if (!FM_HAS(dst, c))
			continue;
		to = (char *)dst->col[c] + row * width;
		if (fm_cols[c].kind == FM_KIND_CATEGORY) {
			if ((rc = append_category(dst, src, c, i, (uint16_t *)dst->col[c] + row, err)) < 0)
				return rc;
		} else if (FM_HAS(src, c)) {
			memcpy(to, (const char *)src->col[c] + i * width, width);
		} else {
			memset(to, 0, width);
		}
	}
	dst->rows++;
	return FM_OK;
}

const char *fm_table_category(const struct fm_table *t, enum fm_col c, size_t row)
{
	size_t index;

	if (!FM_HAS(t, c) || fm_cols[c].kind != FM_KIND_CATEGORY)
		return "";
	index = ((const uint16_t *)t->col[c])[row];
	return index < t->dict[c].n ? t->dict[c].value[index] : "";
}

void fm_table_forget(const struct fm_table *t, size_t from, size_t to)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	for (int c = 0; c < FM_NCOL; c++) {
		if (t->map[c] == NULL)
			continue;
		/* The page on either end may hold rows of a neighbour too: releasing it costs one read. */
		uintptr_t first = (uintptr_t)t->col[c] + from * fm_cols[c].width,
			  last = (uintptr_t)t->col[c] + to * fm_cols[c].width;

		first = first / page * page;
		if (last > first)
			(void)madvise((void *)first, last - first, MADV_DONTNEED); /* at worst the memory stays */
	}
}

/* The system maps 64 KiB around a row that is read: 128 distant rows of a column are 8 MiB. */
void fm_table_forget_passed(const struct fm_table *t, const uint32_t *row, size_t i, size_t *last)
{
	if (i - *last < 128 || row[i] - row[*last] < 65536)
		return;
	fm_table_forget(t, row[*last], (size_t)row[i] + 1);
	*last = i;
}

void fm_table_free(struct fm_table *t)
{
	if (t == NULL)
		return;
	for (int c = 0; c < FM_NCOL; c++) {
		if (t->map[c] != NULL)
			munmap(t->map[c], t->map_len[c]);
		else if (t->cap > 0)
			free(t->col[c]);
		if (t->spilled && t->fd[c] >= 0)
			close(t->fd[c]);
		fm_dict_free(&t->dict[c]);
	}
	fm_address_dict_free(t->addresses);
	free(t);
}
