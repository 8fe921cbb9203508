/*
 * The Merkle tree of a log: roots as others published them, each proof of each tree holds and none holds of anything
 * else.  What an implementation not written here makes of the same leaves is in tests/cli_trust.sh.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "release/merkle.h"

#define MOST 64

static struct fm_merkle_hash leaf[MOST + 1], root[MOST + 1];
static struct fm_error err;

static int setup(void **state)
{
	(void)state;
	for (unsigned i = 0; i <= MOST; i++) {
		char text[16];
		int n = snprintf(text, sizeof text, "leaf %u", i);

		if (fm_merkle_leaf(text, (size_t)n, &leaf[i], &err) < 0)
			return -1;
	}
	for (unsigned n = 0; n <= MOST; n++)
		if (fm_merkle_root(leaf, n, &root[n], &err) < 0)
			return -1;
	return 0;
}

static void is(const struct fm_merkle_hash *h, const char *hex)
{
	char have[FM_SHA256_HEX];

	fm_hex(h->byte, sizeof h->byte, have);
	assert_string_equal(have, hex);
}

/* The tree that certificate-transparency's own tests have (MerkleTreeTest: test vectors). */
static void roots_are_those_of_certificate_transparency(void **state)
{
	static const struct {
		const char *p;
		size_t n;
	} input[] = {{"", 0},
		     {"\x00", 1},
		     {"\x10", 1},
		     {"\x20\x21", 2},
		     {"\x30\x31", 2},
		     {"\x40\x41\x42\x43", 4},
		     {"\x50\x51\x52\x53\x54\x55\x56\x57", 8},
		     {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16}};
	static const char *const roots[] = {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
					    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
					    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
					    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
					    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
					    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
					    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
					    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
					    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
	struct fm_merkle_tree t = {.n = 0};
	struct fm_merkle_hash h;

	(void)state;
	for (size_t i = 0;; i++) {
		assert_int_equal(fm_merkle_tree_root(&t, &h, &err), FM_OK);
		is(&h, roots[i]);
		if (i == 8)
			break;
		assert_int_equal(fm_merkle_leaf(input[i].p, input[i].n, &h, &err), FM_OK);
		assert_int_equal(fm_merkle_add(&t, &h, &err), FM_OK);
	}
}

static int included(const struct fm_merkle_hash *l, uint64_t i, uint64_t n, const struct fm_merkle_path *path,
		    const struct fm_merkle_hash *r)
{
	return fm_merkle_check_inclusion(l, i, n, path, r, &err);
}

static int consistent(uint64_t m, const struct fm_merkle_hash *old, uint64_t n, const struct fm_merkle_hash *r,
		      const struct fm_merkle_path *path)
{
	return fm_merkle_check_consistency(m, old, n, r, path, &err);
}

static void each_leaf_is_proved_in_each_tree_and_nothing_else_is(void **state)
{
	struct fm_merkle_path path, other;

	(void)state;
	for (uint64_t n = 1; n <= MOST; n++)
		for (uint64_t i = 0; i < n; i++) {
			assert_int_equal(fm_merkle_inclusion(leaf, n, i, &path, &err), FM_OK);
			assert_int_equal(included(&leaf[i], i, n, &path, &root[n]), 1);
			/* another leaf, place, root; a path that is longer, shorter, changed */
			assert_int_equal(included(&leaf[i + 1], i, n, &path, &root[n]), 0);
			assert_int_equal(included(&leaf[i], n, n, &path, &root[n]), 0);
			assert_int_equal(included(&leaf[i], i, n, &path, &root[n - 1]), 0);
			if (n > 1)
				assert_int_equal(included(&leaf[i], i ? i - 1 : 1, n, &path, &root[n]), 0);
			other = path;
			other.hash[other.n++] = leaf[0];
			assert_int_equal(included(&leaf[i], i, n, &other, &root[n]), 0);
			for (int k = 0; k < path.n; k++) {
				other = path;
				other.hash[k].byte[k % 32] ^= 1;
				assert_int_equal(included(&leaf[i], i, n, &other, &root[n]), 0);
				other = path;
				other.n = k;
				assert_int_equal(included(&leaf[i], i, n, &other, &root[n]), 0);
			}
		}
}

static void each_tree_is_proved_to_begin_with_each_smaller_one_and_with_no_other(void **state)
{
	struct fm_merkle_path path, other;
	struct fm_merkle_hash wrong;

	(void)state;
	for (uint64_t n = 0; n <= MOST; n++)
		for (uint64_t m = 0; m <= n; m++) {
			assert_int_equal(fm_merkle_consistency(leaf, m, n, &path, &err), FM_OK);
			assert_int_equal(consistent(m, &root[m], n, &root[n], &path), 1);
			wrong = root[m];
			wrong.byte[31] ^= 1;
			assert_int_equal(consistent(m, &wrong, n, &root[n], &path), 0);
			wrong = root[n];
			wrong.byte[0] ^= 1;
			if (m > 0) /* that every tree begins with nothing needs no proof */
				assert_int_equal(consistent(m, &root[m], n, &wrong, &path), 0);
			assert_int_equal(consistent(n + 1, &root[m], n, &root[n], &path), 0);
			other = path;
			other.hash[other.n++] = leaf[0];
			assert_int_equal(consistent(m, &root[m], n, &root[n], &other), 0);
			for (int k = 0; k < path.n; k++) {
				other = path;
				other.hash[k].byte[k % 32] ^= 1;
				assert_int_equal(consistent(m, &root[m], n, &root[n], &other), 0);
				other = path;
				other.n = k;
				assert_int_equal(consistent(m, &root[m], n, &root[n], &other), 0);
			}
		}
}

/* A log that was rewritten: one of the first m leaves is another.  No path made from it leads from the old root. */
static void rewritten_log_has_no_proof(void **state)
{
	struct fm_merkle_hash bent[MOST], bent_root;
	struct fm_merkle_path path;

	(void)state;
	for (uint64_t n = 2; n <= MOST; n += 7)
		for (uint64_t m = 1; m < n; m++) {
			memcpy(bent, leaf, sizeof bent);
			bent[m / 2] = leaf[MOST];
			assert_int_equal(fm_merkle_root(bent, n, &bent_root, &err), FM_OK);
			assert_int_equal(fm_merkle_consistency(bent, m, n, &path, &err), FM_OK);
			assert_int_equal(consistent(m, &root[m], n, &bent_root, &path), 0);
			assert_int_equal(fm_merkle_consistency(leaf, m, n, &path, &err), FM_OK);
			assert_int_equal(consistent(m, &root[m], n, &bent_root, &path), 0);
		}
}

static void there_is_no_proof_of_what_is_not_there(void **state)
{
	struct fm_merkle_path path;

	(void)state;
	assert_int_equal(fm_merkle_inclusion(leaf, 3, 3, &path, &err), FM_EUSAGE);
	assert_int_equal(fm_merkle_inclusion(leaf, 0, 0, &path, &err), FM_EUSAGE);
	assert_int_equal(fm_merkle_consistency(leaf, 4, 3, &path, &err), FM_EUSAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(roots_are_those_of_certificate_transparency),
	    cmocka_unit_test(each_leaf_is_proved_in_each_tree_and_nothing_else_is),
	    cmocka_unit_test(each_tree_is_proved_to_begin_with_each_smaller_one_and_with_no_other),
	    cmocka_unit_test(rewritten_log_has_no_proof),
	    cmocka_unit_test(there_is_no_proof_of_what_is_not_there),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
