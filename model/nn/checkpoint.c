/* checkpoint.c - a training run on disk. */
#include "model/nn/checkpoint.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/num.h"
#include "model/nn/safetensors.h"

#define FORMAT "flowmint-checkpoint/1"

/* The members of a point, by name. */
static const struct member {
	const char *name;
	enum { INT, U32, U64, REAL } type;
	size_t offset;
} members[] = {
    {"step", INT, offsetof(struct fm_train_point, step)},
    {"epoch", U32, offsetof(struct fm_train_point, epoch)},
    {"at", U64, offsetof(struct fm_train_point, at)},
    {"b1", REAL, offsetof(struct fm_train_point, b1)},
    {"b2", REAL, offsetof(struct fm_train_point, b2)},
    {"rate_scale", REAL, offsetof(struct fm_train_point, rate_scale)},
    {"rollbacks", INT, offsetof(struct fm_train_point, rollbacks)},
    {"loss", REAL, offsetof(struct fm_train_point, loss)},
    {"guard", REAL, offsetof(struct fm_train_point, guard)},
    {"validation", REAL, offsetof(struct fm_train_point, validation)},
    {"best", REAL, offsetof(struct fm_train_point, best)},
    {"best_step", INT, offsetof(struct fm_train_point, best_step)},
};
#define NMEMBERS (sizeof members / sizeof *members)

static void format_member(const struct member *m, const struct fm_train_point *point, char text[64])
{
	const void *p = (const char *)point + m->offset;

	switch (m->type) {
	case INT:
		snprintf(text, 64, "%d", *(const int *)p);
		break;
	case U32:
		snprintf(text, 64, "%" PRIu32, *(const uint32_t *)p);
		break;
	case U64:
		snprintf(text, 64, "%" PRIu64, *(const uint64_t *)p);
		break;
	default:
		fm_format_double(*(const double *)p, text, 64);
	}
}

static int parse_member(const struct member *m, const char *text, struct fm_train_point *point)
{
	void *p = (char *)point + m->offset;
	size_t n = text ? strlen(text) : 0;
	uint64_t u = 0;

	if (m->type == REAL) {
		if (n == 3 && memcmp(text, "nan", 3) == 0)
			return *(double *)p = NAN, 0;
		return n > 0 ? fm_parse_double(text, n, p) : -1;
	}
	if (n == 0 || fm_parse_u64(text, n,
				   m->type == INT   ? INT32_MAX
				   : m->type == U32 ? UINT32_MAX
						    : UINT64_MAX,
				   &u) < 0)
		return -1;
	if (m->type == INT)
		*(int *)p = (int)u;
	else if (m->type == U32)
		*(uint32_t *)p = (uint32_t)u;
	else
		*(uint64_t *)p = u;
	return 0;
}

static int sets_of(const struct fm_train_arrays *a, struct fm_tensors set[5])
{
	set[0] = (struct fm_tensors){"w.", a->w};
	set[1] = (struct fm_tensors){"m.", a->m};
	set[2] = (struct fm_tensors){"v.", a->v};
	set[3] = (struct fm_tensors){"ema.", a->ema};
	set[4] = (struct fm_tensors){"best.", a->best};
	return a->best ? 5 : 4;
}

static bool is_leftover(const char *name)
{
	size_t n = strlen(name);

	return name[0] == '.' && n > 4 && strcmp(name + n - 4, ".tmp") == 0;
}

/* Remove the file of that name, left by a killed process. */
static int remove_leftover(const char *dir, const char *name, struct fm_error *err)
{
	char *path;
	int rc = FM_OK;

	if (!is_leftover(name) || !(path = fm_path_join(dir, name)))
		return FM_OK;
	if (unlink(path) < 0)
		rc = fm_fail_errno(err, "%s", path);
	free(path);
	return rc;
}

int fm_checkpoint_path(char **path, const char *dir, bool encrypted, struct fm_error *err)
{
	char **names = NULL;
	size_t n = 0;
	int rc;

	if ((rc = fm_dir_list(dir, &names, &n, err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		if ((rc = remove_leftover(dir, names[i], err)) < 0)
			goto out;
	*path = fm_path_join(dir, encrypted ? "checkpoint.sealed" : "checkpoint.safetensors");
	if (!*path)
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
out:
	fm_names_free(names, n);
	return rc;
}

int fm_checkpoint_save(const struct fm_checkpoint *c, const struct fm_train_point *at, const struct fm_train_arrays *a,
		       struct fm_error *err)
{
	struct fm_tensors set[5];
	int nsets = sets_of(a, set), rc;
	json_t *meta = json_pack("{s:s, s:s}", "format", FORMAT, "identity", c->identity);
	bool bad = !meta;

	for (size_t i = 0; i < NMEMBERS && !bad; i++) {
		char text[64];
		format_member(&members[i], at, text);
		bad = json_object_set_new(meta, members[i].name, json_string(text)) != 0;
	}
	rc = bad      ? fm_fail(err, FM_ESYSTEM, "out of memory for %s", c->path)
	     : c->key ? fm_tensors_encrypt(c->layout, set, nsets, meta, c->key, c->path, err)
		      : fm_tensors_save(c->layout, set, nsets, meta, true, c->path, err);
	json_decref(meta);
	return rc;
}

static int read_point(const struct fm_tensors_file *f, int steps, uint64_t windows, struct fm_train_point *at,
		      struct fm_error *err)
{
	for (size_t i = 0; i < NMEMBERS; i++)
		if (parse_member(&members[i], json_string_value(json_object_get(f->meta, members[i].name)), at) < 0)
			return fm_fail(err, FM_EINPUT, "%s: it does not say its %s", f->path, members[i].name);
	if (at->step >= steps || at->at > windows || (at->epoch == 0) != (at->step == 0) || at->best_step > at->step ||
	    !(at->rate_scale > 0 && at->rate_scale <= 1) || !(at->b1 >= 0 && at->b1 <= 1) ||
	    !(at->b2 >= 0 && at->b2 <= 1))
		return fm_fail(err, FM_EINPUT,
			       "%s: step %d, window %" PRIu64 " of %" PRIu64 ": no such point is in this training",
			       f->path, at->step, at->at, windows);
	return FM_OK;
}

/* Check the format and the identity that the file states. */
static int check_owner(const struct fm_tensors_file *f, const char *identity, struct fm_error *err)
{
	const char *format = json_string_value(json_object_get(f->meta, "format"));
	const char *whose = json_string_value(json_object_get(f->meta, "identity"));

	if (!format || strcmp(format, FORMAT) != 0)
		return fm_fail(err, FM_EINPUT, "%s: its format is %s, not " FORMAT, f->path,
			       format ? format : "unknown");
	if (!whose || strcmp(whose, identity) != 0)
		return fm_fail(err, FM_EINPUT,
			       "%s: it belongs to a training with another config, codec, architecture or version",
			       f->path);
	return FM_OK;
}

int fm_checkpoint_load(const struct fm_checkpoint *c, int steps, uint64_t windows, struct fm_train_point *at,
		       const struct fm_train_arrays *a, struct fm_error *err)
{
	struct fm_tensors set[5];
	struct fm_tensors_file f;
	int nsets = sets_of(a, set), rc;

	rc = c->key ? fm_tensors_decrypt(&f, c->path, c->key, err) : fm_tensors_open(&f, c->path, true, err);
	if (rc < 0)
		return rc;
	if ((rc = check_owner(&f, c->identity, err)) < 0 || (rc = read_point(&f, steps, windows, at, err)) < 0)
		goto out;
	rc = fm_tensors_read(&f, c->layout, set, nsets, err);
out:
	fm_tensors_close(&f);
	return rc;
}

int fm_checkpoint_allowed(const struct fm_checkpoint *c, const struct fm_train_arrays *a, struct fm_error *err)
{
	uint64_t n = sizeof(float) * (uint64_t)c->layout->nfloats;
	struct fm_tensors set[5];
	int rc;

	if ((rc = fm_file_allowed(n, "train: the network", err)) < 0)
		return rc;
	return c->path ? fm_file_allowed((uint64_t)sets_of(a, set) * n, "train: a checkpoint", err) : FM_OK;
}

int fm_checkpoint_begin(const struct fm_checkpoint *c, int steps, uint64_t windows, uint64_t seed,
			struct fm_train_point *at, const struct fm_train_arrays *a, struct fm_error *err)
{
	size_t n = sizeof(float) * c->layout->nfloats;
	int rc;

	if ((rc = fm_checkpoint_allowed(c, a, err)) < 0)
		return rc;
	if (c->path && fm_file_exists(c->path)) {
		rc = fm_checkpoint_load(c, steps, windows, at, a, err);
		if (rc >= 0)
			fm_log("train: goes on from step %d", at->step);
		if (rc != FM_EINPUT && rc != FM_EVERDICT)
			return rc;
		fm_warn("%s; training begins anew", err->message);
	}
	*at = (struct fm_train_point){.at = windows,
				      .b1 = 1,
				      .b2 = 1,
				      .rate_scale = 1,
				      .loss = NAN,
				      .guard = NAN,
				      .validation = NAN,
				      .best = NAN};
	fm_layout_init(c->layout, a->w, seed);
	memset(a->m, 0, n);
	memset(a->v, 0, n);
	memcpy(a->ema, a->w, n);
	return FM_OK;
}
