/*
 * version.h - the version of flowmint, in one place: --version, the manifest, the keys of cached stages.
 */
#ifndef FM_BASE_VERSION_H
#define FM_BASE_VERSION_H

#define FM_VERSION "0.1.0"

#endif
