/*
 * make_merkle - a helper of tests/cli_trust.sh, which compares with an implementation not written here.
 *
 *     make_merkle SIZE       of the trees of 0 to SIZE leaves, leaf I being the text "I":
 *                            "root N HEX", "inclusion N I HEX...", "consistency M N HEX..."
 */
#include <stdio.h>
#include <stdlib.h>

#include "release/merkle.h"

#define MOST 256

static void print_hash(const struct fm_merkle_hash *h)
{
	char hex[FM_SHA256_HEX];

	fm_hex(h->byte, sizeof h->byte, hex);
	printf(" %s", hex);
}

static void print_path(const struct fm_merkle_path *path)
{
	for (int i = 0; i < path->n; i++)
		print_hash(&path->hash[i]);
	putchar('\n');
}

int main(int argc, char **argv)
{
	static struct fm_merkle_hash leaf[MOST];
	int size = argc == 2 ? atoi(argv[1]) : -1;
	struct fm_merkle_hash root;
	struct fm_merkle_path path;
	struct fm_error err;
	char text[16];

	if (size < 0 || size > MOST)
		return 2;
	for (int i = 0; i < size; i++)
		if (fm_merkle_leaf(text, (size_t)snprintf(text, sizeof text, "%d", i), &leaf[i], &err) < 0)
			return 4;
	for (int n = 0; n <= size; n++) {
		if (fm_merkle_root(leaf, (uint64_t)n, &root, &err) < 0)
			return 4;
		printf("root %d", n);
		print_hash(&root);
		putchar('\n');
		for (int i = 0; i <= n; i++) {
			if (fm_merkle_consistency(leaf, (uint64_t)i, (uint64_t)n, &path, &err) < 0)
				return 4;
			printf("consistency %d %d", i, n);
			print_path(&path);
			if (i == n)
				break;
			if (fm_merkle_inclusion(leaf, (uint64_t)n, (uint64_t)i, &path, &err) < 0)
				return 4;
			printf("inclusion %d %d", n, i);
			print_path(&path);
		}
	}
	return 0;
}
