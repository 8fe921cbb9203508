/*
 * ok.h - OK(call): a call that must succeed, else the test fails with the message in `err`, of the caller's scope.
 */
#ifndef FM_TESTS_OK_H
#define FM_TESTS_OK_H

#define OK(call)                                                                                                       \
	do {                                                                                                           \
		if ((call) != FM_OK)                                                                                   \
			fail_msg("%s", err.message);                                                                   \
	} while (0)

#endif
