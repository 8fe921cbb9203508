/*
 * start.h - a program makes sure, before it does anything, that it has memory enough to say what it lacks.
 *
 * Where ulimit -v leaves little, the kernel kills a program whose stack cannot grow any more, and libraries that
 * allocate before main (the C++ library, GLib) abort.  So a main says FM_START_BEFORE_LIBRARIES: that much address
 * space must be there, and the stack has its room for good, before the first constructor of a library runs; else the
 * program ends with a message and exit status 4.  The loader maps the libraries earlier still: it has a message and a
 * status (127) of its own.
 */
#ifndef FM_BASE_START_H
#define FM_BASE_START_H

#include <stddef.h>

#include "base/error.h"

#define FM_STACK_KIB 512 /* stack that our programs need */

/* Is the stack as large as that?  FM_ESYSTEM with a message, instead of a crash.  Called by a main that itself has
 * little on its stack. */
int fm_start_check(struct fm_error *err) FM_MUST_CHECK;
/* A umask leaves this user's own permissions on what is made from here on, which is opened again. */
void fm_start_mask(void);
/* Ends the process where fewer bytes can still be mapped, or the stack has no room.  Safe before the C library has
 * begun. */
void fm_start_or_end(const char *program, size_t bytes);

#ifdef __SANITIZE_ADDRESS__ /* it begins there too, and no instrumented code may run before it */
#define FM_START_BEFORE_LIBRARIES(program, bytes) _Static_assert((bytes) > 0, program)
#else
#define FM_START_BEFORE_LIBRARIES(program, bytes)                                                                      \
	static void before_libraries(void)                                                                             \
	{                                                                                                              \
		fm_start_or_end(program, bytes);                                                                       \
	}                                                                                                              \
	__attribute__((section(".preinit_array"), used)) static void (*const before)(void) = before_libraries
#endif

#endif
