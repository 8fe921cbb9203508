/*
 * version_order.h - which of two versions is the later one.
 *
 * As people read them: 1.9 < 1.10 < 1.10a < 2, 2.0-rc1 < 2.0-rc2 < 2.0, and 1.0 = 1.0.0 = 1.0+build7.  What follows a
 * '+' does not count.  Up to the first hyphen the parts between dots are compared in turn, a missing one being 0.  A
 * version with a hyphen comes before the same one without; two with hyphens are compared by their parts between dots
 * and hyphens, a missing part being less.  In a part, runs of digits are numbers, of any length; the rest goes by
 * ASCII.
 */
#ifndef FM_RELEASE_VERSION_ORDER_H
#define FM_RELEASE_VERSION_ORDER_H

int fm_version_compare(const char *a, const char *b); /* below 0, 0, above 0: a is earlier, the same, later */

#endif
