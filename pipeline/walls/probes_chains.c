/*
 * probes_chains.c - two stages taken over, one after the other: the first leaves something for the second, or for the
 * manifest.  What it would leave is planted here, as by an ingest or evaluate that no wall stopped, and the parent
 * looks at it as it looks at what a stage left (harvest.h).
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "pipeline/walls/harvest.h"
#include "pipeline/walls/probes_parts.h"
#include "pipeline/walls/sandbox.h"

#define MOST (1u << 20) /* bytes */
#define PRIVATE "10.11.12.13,10.11.12.14,443,51515,TCP"

static bool accepts_tree(const char *store)
{
	struct fm_error why;

	return fm_harvest_tree(NULL, FM_INGEST, store, MOST, &why) == FM_OK;
}

/* The second stage: what does it read below the folder that it is shown? */
static int read_fn(void *ctx, json_t **result, struct fm_error *err)
{
	char *path = fm_path_join(ctx, "secret");
	int fd;

	if (!path)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	*result = json_boolean(fd >= 0);
	if (fd >= 0)
		close(fd);
	free(path);
	return FM_OK;
}

static bool reads_on(const char *folder, bool unconfined)
{
	struct fm_sandbox box = {.name = "probe", .unconfined = unconfined, .limits = {.files = 256}};
	struct fm_sandbox_report report = {0};
	struct fm_error why;
	bool read;

	fm_sandbox_path(&box, folder, false);
	read = fm_sandbox_run(&box, read_fn, (void *)(uintptr_t)folder, &report, &why) == FM_OK &&
	       json_is_true(report.result);
	json_decref(report.result);
	return read;
}

/* A store whose training split is a link to where the second stage has no business. */
int fm_probes_chain_ingest(const char *dir, bool unconfined, json_t *one, struct fm_error *err)
{
	char *store = fm_path_join(dir, "store"), *train = store ? fm_path_join(store, "train") : NULL;
	int rc;

	if (!train) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = fm_dir_make(train, 0700, err)) < 0)
		goto out;
	/* Else a refusal would show nothing. */
	if ((rc = fm_harvest_tree(NULL, FM_INGEST, store, MOST, err)) < 0) {
		fm_error_prefix(err, "a store without a link is refused: ");
		goto out;
	}
	if (!fm_harvest_holds(store, "train")) {
		rc = fm_fail_errno(err, "a store without a link is refused: %s", train);
		goto out;
	}
	if (rmdir(train) != 0 || symlink("../other", train) != 0) {
		rc = fm_fail_errno(err, "%s", train);
		goto out;
	}
	if ((rc = fm_probes_note(one, "leave a link for train", accepts_tree(store), err)) < 0)
		goto out;
	rc = fm_probes_note(one, "read on in train through a link of ingest",
			    fm_harvest_holds(store, "train") && reads_on(train, unconfined), err);
out:
	free(train);
	free(store);
	return rc;
}

/* Private data on its way into the manifest: as words, and in digits that no metric has. */
int fm_probes_chain_evaluate(json_t *one, struct fm_error *err)
{
	json_t *said = json_pack("{s:s}", "blas_kernel", PRIVATE),
	       *list = json_pack("[{s:s, s:f, s:i}]", "name", "jsd.SA", "value", 0.1011121300514, "n", 1);
	struct fm_metrics metrics = {0};
	struct fm_error why;
	int rc;

	if (!said || !list) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = fm_probes_note(one, "say a private row to the manifest",
				 fm_harvest_result(NULL, FM_EVALUATE, said, &why) == FM_OK, err)) < 0)
		goto out;
	rc = fm_probes_note(one, "hide a private row in the digits of a metric",
			    fm_harvest_metrics(list, FM_LIST_EVALUATE, NULL, &metrics, &why) == FM_OK, err);
out:
	fm_metrics_free(&metrics);
	json_decref(said);
	json_decref(list);
	return rc;
}
