/*
 * fuzz_sshsig - whatever bytes come as a signature, a signers file, a public or a private key, a list
 * of revoked keys: no crash, no leak, no
 * long wait.  The first byte chooses the reader.
 *
 *     clang -fsanitize=fuzzer,address,undefined ... && ./fuzz_sshsig -max_total_time=60
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "release/sign/revoked.h"
#include "release/sign/signers.h"
#include "release/sign/sshsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one_signature(const char *text, size_t n)
{
	struct fm_error err;
	struct fm_sshsig sig;
	uint8_t digest[FM_SHA512_LEN] = {0};

	if (fm_sshsig_parse(&sig, text, n, &err) == FM_OK && fm_sshsig_check(&sig, digest, &err) < 0)
		abort();
}

static void one_signers_file(const char *text, size_t n)
{
	struct fm_error err;
	struct fm_signers list;
	const struct fm_signer *who;
	struct fm_sshpub key;

	if (fm_signers_parse(&list, text, n, &err))
		return;
	for (size_t i = 0; i < list.n && i < 64; i++) {
		key = list.s[i].key;
		if (fm_signers_find(&list, &key, FM_SSH_NAMESPACE, 1700000000, &who) == FM_SIGNER_UNKNOWN || !who)
			abort();
	}
	fm_signers_free(&list);
}

/* What is read from a blob is written as the same blob. */
static void one_public_key(const uint8_t *data, size_t n)
{
	struct fm_wire blob = {data, n};
	struct fm_sshpub pub;
	uint8_t again[FM_SSHKEY_BLOB];
	struct fm_wire_out o = {again, 0, sizeof again, false};
	char type[64];

	if (fm_sshpub_from_blob(&pub, &blob, type))
		return;
	fm_sshpub_blob(&pub, &o);
	if (o.full || o.n != n || memcmp(again, data, n))
		abort();
}

static void one_private_key(const uint8_t *data, size_t n)
{
	int fd = memfd_create("key", MFD_CLOEXEC);
	struct fm_error err;
	struct fm_sshkey key;
	char path[64];

	if (fd < 0 || fchmod(fd, 0600) || write(fd, data, n) != (ssize_t)n)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (fm_sshkey_read(&key, path, &err) == FM_OK)
		fm_sshkey_close(&key);
	close(fd);
}

static void one_list(const uint8_t *data, size_t n)
{
	static const struct fm_sshpub key = {.point = {1}};
	struct fm_error err;
	bool revoked;

	if (fm_revoked_has(data, n, &key, &revoked, &err) == FM_ESYSTEM)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0] % 5) {
	case 0:
		one_signature((const char *)data + 1, size - 1);
		break;
	case 1:
		one_signers_file((const char *)data + 1, size - 1);
		break;
	case 2:
		one_public_key(data + 1, size - 1);
		break;
	case 4:
		one_list(data + 1, size - 1);
		break;
	default:
		one_private_key(data + 1, size - 1);
	}
	return 0;
}
