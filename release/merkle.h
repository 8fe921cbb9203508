/*
 * merkle.h - the Merkle tree of a transparency log, by RFC 6962 (section 2.1), with SHA-256.
 *
 *     leaf   SHA-256(0x00, bytes)
 *     node   SHA-256(0x01, left, right); the left subtree of n leaves has the largest power of two below n
 *     root   of no leaves: SHA-256 of nothing
 *
 *     fm_merkle_leaf(text, n, &leaf[i], err)                    of each entry
 *     fm_merkle_root(leaf, n, &root, err)
 *     fm_merkle_inclusion(leaf, n, i, &path, err)               leaf i is in the tree of n
 *     fm_merkle_check_inclusion(&leaf, i, n, &path, &root, err)
 *     fm_merkle_consistency(leaf, m, n, &path, err)             the tree of n begins with the tree of m
 *     fm_merkle_check_consistency(m, &old, n, &root, &path, err)
 *
 * A checker knows no leaf but its own: proofs are checked by the algorithms of RFC 9162, 2.1.3.2 and 2.1.4.2.
 */
#ifndef FM_RELEASE_MERKLE_H
#define FM_RELEASE_MERKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"

#define FM_MERKLE_SIZE_MAX UINT32_MAX /* leaves */
#define FM_MERKLE_PATH_MAX 33         /* hashes of a proof in a tree of that many leaves, at most */

struct fm_merkle_hash {
	uint8_t byte[FM_SHA256_LEN];
};
struct fm_merkle_path {
	struct fm_merkle_hash hash[FM_MERKLE_PATH_MAX];
	int n;
};

int fm_merkle_leaf(const void *p, size_t n, struct fm_merkle_hash *out, struct fm_error *err) FM_MUST_CHECK;
int fm_merkle_root(const struct fm_merkle_hash *leaf, uint64_t n, struct fm_merkle_hash *out,
		   struct fm_error *err) FM_MUST_CHECK;
/* FM_EUSAGE: there is no leaf i, or m is more than n. */
int fm_merkle_inclusion(const struct fm_merkle_hash *leaf, uint64_t n, uint64_t i, struct fm_merkle_path *path,
			struct fm_error *err) FM_MUST_CHECK;
int fm_merkle_consistency(const struct fm_merkle_hash *leaf, uint64_t m, uint64_t n, struct fm_merkle_path *path,
			  struct fm_error *err) FM_MUST_CHECK;
/* 1 proved, 0 not, negative: could not be told. */
int fm_merkle_check_inclusion(const struct fm_merkle_hash *leaf, uint64_t i, uint64_t n,
			      const struct fm_merkle_path *path, const struct fm_merkle_hash *root,
			      struct fm_error *err) FM_MUST_CHECK;
int fm_merkle_check_consistency(uint64_t m, const struct fm_merkle_hash *old, uint64_t n,
				const struct fm_merkle_hash *root, const struct fm_merkle_path *path,
				struct fm_error *err) FM_MUST_CHECK;
bool fm_merkle_same(const struct fm_merkle_hash *a, const struct fm_merkle_hash *b);

/* A tree that grows: the roots of its perfect subtrees, from the left.  Zeros are the empty tree. */
struct fm_merkle_tree {
	struct fm_merkle_hash part[FM_MERKLE_PATH_MAX];
	uint64_t n; /* leaves */
};
int fm_merkle_add(struct fm_merkle_tree *t, const struct fm_merkle_hash *leaf, struct fm_error *err) FM_MUST_CHECK;
int fm_merkle_tree_root(const struct fm_merkle_tree *t, struct fm_merkle_hash *out, struct fm_error *err) FM_MUST_CHECK;

#endif
