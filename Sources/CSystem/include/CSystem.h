#ifndef SPECOLA_CSYSTEM_H
#define SPECOLA_CSYSTEM_H

#include <stdbool.h>
#include <stddef.h>

/// Copies `count` bytes out of a memory map. Returns false where the pages are gone because the
/// file has shrunk (SIGBUS); what `destination` holds is then unspecified. Safe on any thread.
bool guarded_copy(void *destination, const void *source, size_t count);

/// A pipe that programs started meanwhile by other threads do not inherit (`pipe2`, which Swift's
/// Glibc lacks). Returns false with errno set on failure.
bool private_pipe(int ends[2]);

#endif
