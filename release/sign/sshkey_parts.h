/*
 * sshkey_parts.h - what reading and writing OpenSSH's file of a private key share (openssh-portable, PROTOCOL.key).
 */
#ifndef FM_RELEASE_SIGN_SSHKEY_PARTS_H
#define FM_RELEASE_SIGN_SSHKEY_PARTS_H

#include "release/sign/sshkey.h"

#define FM_SSHKEY_LABEL "OPENSSH PRIVATE KEY"
#define FM_SSHKEY_MAGIC "openssh-key-v1" /* with its NUL */

#endif
