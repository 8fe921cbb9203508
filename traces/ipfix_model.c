/* The elements of IPFIX that files here have (ipfix.h). */
#include "traces/ipfix.h"

int fm_ipfix_fail(const char *what, GError **why, struct fm_error *err)
{
	int rc = fm_fail(err, FM_ESYSTEM, "%s: %s", what, *why ? (*why)->message : "unknown error");

	g_clear_error(why);
	return rc;
}

fbInfoModel_t *fm_ipfix_model(void)
{
	/* https://tools.netsa.cert.org/yaf: enterprise 6871 */
	static fbInfoElement_t cert[] = {
	    FB_IE_INIT_FULL("initialTCPFlags", 6871, 14, 2, FB_IE_FLAGS | FB_IE_F_ENDIAN | FB_IE_F_REVERSIBLE, 0, 0,
			    FB_UINT_16, NULL),
	    FB_IE_INIT_FULL("unionTCPFlags", 6871, 15, 2, FB_IE_FLAGS | FB_IE_F_ENDIAN | FB_IE_F_REVERSIBLE, 0, 0,
			    FB_UINT_16, NULL),
	    FB_IE_INIT_FULL("reverseFlowDeltaMilliseconds", 6871, 21, 4, FB_IE_QUANTITY | FB_IE_F_ENDIAN, 0, 0,
			    FB_UINT_32, NULL),
	    FB_IE_NULL};
	fbInfoModel_t *model = fbInfoModelAlloc();

	fbInfoModelAddElementArray(model, cert);
	return model;
}
