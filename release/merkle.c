#include "release/merkle.h"

#include <string.h>

bool fm_merkle_same(const struct fm_merkle_hash *a, const struct fm_merkle_hash *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

/* SHA-256 of a first byte and two runs of bytes. */
static int digest(uint8_t first, const void *p, size_t np, const void *q, size_t nq, struct fm_merkle_hash *out,
		  struct fm_error *err)
{
	struct fm_sha256 *h = NULL;
	int rc;

	if ((rc = fm_sha256_new(&h, err)) < 0)
		return rc;
	if ((rc = fm_sha256_add(h, &first, 1, err)) < 0 || (rc = fm_sha256_add(h, p, np, err)) < 0 ||
	    (rc = fm_sha256_add(h, q, nq, err)) < 0) {
		fm_sha256_free(h);
		return rc;
	}
	return fm_sha256_end(h, out->byte, err);
}

int fm_merkle_leaf(const void *p, size_t n, struct fm_merkle_hash *out, struct fm_error *err)
{
	return digest(0x00, p, n, "", 0, out, err);
}

/* out may be one of the two. */
static int join(const struct fm_merkle_hash *left, const struct fm_merkle_hash *right, struct fm_merkle_hash *out,
		struct fm_error *err)
{
	return digest(0x01, left, sizeof *left, right, sizeof *right, out, err);
}

/* ---- trees ---- */

int fm_merkle_add(struct fm_merkle_tree *t, const struct fm_merkle_hash *leaf, struct fm_error *err)
{
	int parts = __builtin_popcountll(t->n), rc;
	struct fm_merkle_hash h = *leaf;

	if (t->n >= FM_MERKLE_SIZE_MAX)
		return fm_fail(err, FM_EINPUT, "a log has at most %u entries", FM_MERKLE_SIZE_MAX);
	/* Join what has come with each subtree of the same size. */
	for (uint64_t n = t->n; n & 1; n >>= 1)
		if ((rc = join(&t->part[--parts], &h, &h, err)) < 0)
			return rc;
	t->part[parts] = h;
	t->n++;
	return FM_OK;
}

int fm_merkle_tree_root(const struct fm_merkle_tree *t, struct fm_merkle_hash *out, struct fm_error *err)
{
	int parts = __builtin_popcountll(t->n), rc;

	if (parts == 0)
		return fm_sha256_bytes("", 0, out->byte, err);
	*out = t->part[parts - 1];
	for (int i = parts - 2; i >= 0; i--)
		if ((rc = join(&t->part[i], out, out, err)) < 0)
			return rc;
	return FM_OK;
}

int fm_merkle_root(const struct fm_merkle_hash *leaf, uint64_t n, struct fm_merkle_hash *out, struct fm_error *err)
{
	struct fm_merkle_tree t = {.n = 0};
	int rc;

	for (uint64_t i = 0; i < n; i++)
		if ((rc = fm_merkle_add(&t, &leaf[i], err)) < 0)
			return rc;
	return fm_merkle_tree_root(&t, out, err);
}

/* ---- proofs ---- */

/* The largest power of two below n, which is 2 or more: how many leaves are on the left. */
static uint64_t left_of(uint64_t n)
{
	return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

static int put(struct fm_merkle_path *path, const struct fm_merkle_hash *leaf, uint64_t n, struct fm_error *err)
{
	return fm_merkle_root(leaf, n, &path->hash[path->n++], err);
}

static void turn_round(struct fm_merkle_path *path)
{
	for (int i = 0, j = path->n - 1; i < j; i++, j--) {
		struct fm_merkle_hash h = path->hash[i];

		path->hash[i] = path->hash[j];
		path->hash[j] = h;
	}
}

/* PATH(i, D[n]) of RFC 6962, 2.1.1, from the root down; a proof has it from the leaf up. */
int fm_merkle_inclusion(const struct fm_merkle_hash *leaf, uint64_t n, uint64_t i, struct fm_merkle_path *path,
			struct fm_error *err)
{
	int rc;

	path->n = 0;
	if (i >= n || n > FM_MERKLE_SIZE_MAX)
		return fm_fail(err, FM_EUSAGE, "a tree of %llu entries has no entry %llu", (unsigned long long)n,
			       (unsigned long long)i);
	while (n > 1) {
		uint64_t k = left_of(n);

		if (i < k) {
			if ((rc = put(path, leaf + k, n - k, err)) < 0)
				return rc;
			n = k;
		} else {
			if ((rc = put(path, leaf, k, err)) < 0)
				return rc;
			leaf += k;
			n -= k;
			i -= k;
		}
	}
	turn_round(path);
	return FM_OK;
}

/* SUBPROOF(m, D[n], true) of RFC 6962, 2.1.2, from the root down. */
int fm_merkle_consistency(const struct fm_merkle_hash *leaf, uint64_t m, uint64_t n, struct fm_merkle_path *path,
			  struct fm_error *err)
{
	bool whole = true; /* what is left of the old tree is all of it */
	int rc;

	path->n = 0;
	if (m > n || n > FM_MERKLE_SIZE_MAX)
		return fm_fail(err, FM_EUSAGE, "a tree of %llu entries has no part of %llu", (unsigned long long)n,
			       (unsigned long long)m);
	while (m > 0 && m < n) {
		uint64_t k = left_of(n);

		if (m <= k) {
			if ((rc = put(path, leaf + k, n - k, err)) < 0)
				return rc;
			n = k;
		} else {
			if ((rc = put(path, leaf, k, err)) < 0)
				return rc;
			leaf += k;
			n -= k;
			m -= k;
			whole = false;
		}
	}
	if (!whole && (rc = put(path, leaf, n, err)) < 0)
		return rc;
	turn_round(path);
	return FM_OK;
}

int fm_merkle_check_inclusion(const struct fm_merkle_hash *leaf, uint64_t i, uint64_t n,
			      const struct fm_merkle_path *path, const struct fm_merkle_hash *root,
			      struct fm_error *err)
{
	struct fm_merkle_hash r = *leaf;
	uint64_t f = i, s = n - 1;
	int rc;

	if (i >= n)
		return 0;
	for (int k = 0; k < path->n; k++) {
		const struct fm_merkle_hash *p = &path->hash[k];

		if (s == 0)
			return 0;
		if ((f & 1) || f == s) {
			if ((rc = join(p, &r, &r, err)) < 0)
				return rc;
			while (!(f & 1) && f != 0) {
				f >>= 1;
				s >>= 1;
			}
		} else if ((rc = join(&r, p, &r, err)) < 0) {
			return rc;
		}
		f >>= 1;
		s >>= 1;
	}
	return s == 0 && fm_merkle_same(&r, root);
}

/* For 0 < m < n, from what both trees have on their right edges. */
static int walk_consistency(uint64_t m, const struct fm_merkle_hash *old, uint64_t n, const struct fm_merkle_hash *root,
			    const struct fm_merkle_path *path, struct fm_error *err)
{
	bool power = (m & (m - 1)) == 0; /* m is a power of two: the old root is the first subtree, and is left out */
	struct fm_merkle_hash a, b;      /* the old root and the new one, as they are built up */
	uint64_t f = m - 1, s = n - 1;
	int k = power ? 0 : 1, rc;

	if (path->n < 1)
		return 0;
	a = b = power ? *old : path->hash[0];
	while (f & 1) {
		f >>= 1;
		s >>= 1;
	}
	for (; k < path->n; k++) {
		const struct fm_merkle_hash *p = &path->hash[k];

		if (s == 0)
			return 0;
		if ((f & 1) || f == s) {
			if ((rc = join(p, &a, &a, err)) < 0 || (rc = join(p, &b, &b, err)) < 0)
				return rc;
			while (!(f & 1) && f != 0) {
				f >>= 1;
				s >>= 1;
			}
		} else if ((rc = join(&b, p, &b, err)) < 0) {
			return rc;
		}
		f >>= 1;
		s >>= 1;
	}
	return s == 0 && fm_merkle_same(&a, old) && fm_merkle_same(&b, root);
}

int fm_merkle_check_consistency(uint64_t m, const struct fm_merkle_hash *old, uint64_t n,
				const struct fm_merkle_hash *root, const struct fm_merkle_path *path,
				struct fm_error *err)
{
	struct fm_merkle_hash empty;
	int rc;

	if (m > n)
		return 0;
	if (m == n)
		return path->n == 0 && fm_merkle_same(old, root);
	if (m > 0)
		return walk_consistency(m, old, n, root, path, err);
	if ((rc = fm_merkle_root(NULL, 0, &empty, err)) < 0)
		return rc;
	return path->n == 0 && fm_merkle_same(old, &empty);
}
