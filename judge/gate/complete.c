#include "judge/gate/complete.h"

#include "judge/gate/check.h"
#include "judge/gate/controls.h"

int fm_gate_complete(const struct fm_config *cfg, const json_t *controls, const json_t *waivers, struct fm_verdict *v,
		     struct fm_error *err)
{
	int rc;

	if ((rc = fm_gate_waive(v, waivers, err)) < 0)
		return rc;
	if (fm_config_controls(cfg) && ((rc = fm_controls_judge(cfg, controls, v, err)) < 0 ||
					(rc = fm_gate_waive(v, waivers, err)) < 0)) /* waivers lift that line too */
		return rc;
	fm_gate_decide(v);
	return FM_OK;
}
