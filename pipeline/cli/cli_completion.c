/* completion: the script that lets a shell complete flowmint's words. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "pipeline/cli/cli.h"
#include "pipeline/cli/complete.h"

static int completion(const void *args, const struct fm_call *call, struct fm_error *err)
{
	static const struct {
		const char *shell;
		void (*make)(struct fm_buf *out, const struct fm_verb *const *verbs, size_t n);
	} shells[] = {{"bash", fm_complete_bash}, {"zsh", fm_complete_zsh}, {"fish", fm_complete_fish}};
	struct fm_buf script = {0};
	bool known = false;
	int rc;

	(void)args;
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		if (strcmp(shells[i].shell, call->operand[0]) == 0) {
			known = true;
			shells[i].make(&script, fm_verbs, fm_nverbs);
		}
	if (!known)
		return fm_fail(err, FM_EUSAGE, "completion: '%s' is none of bash, zsh, fish", call->operand[0]);
	if ((rc = fm_buf_check(&script, err)) < 0)
		goto out;
	fwrite(script.data, 1, script.len, stdout);
out:
	fm_buf_free(&script);
	return rc;
}

const struct fm_verb fm_verb_completion = {
    .name = "completion",
    .summary = "the script that lets a shell complete flowmint's words",
    .about = "make install puts each where its shell looks. To try it in bash: source <(flowmint completion bash)",
    .operands = "bash|zsh|fish",
    .run = completion,
};
