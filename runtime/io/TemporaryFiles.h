// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Removing what is half written when a process ends at once.
//
// Included by AtomicFile, which keeps the list, and by the compiler's C entry,
// for programs whose handlers of signals end them. Each library that holds
// runtime/io has a list of its own.
//
// Most files are written under no name and vanish by themselves; only file
// systems that know no such files (O_TMPFILE), such as NFS, need this.
#ifndef DURE_RUNTIME_IO_TEMPORARYFILES_H
#define DURE_RUNTIME_IO_TEMPORARYFILES_H

#include <string>

namespace dure {

/// Puts a file on the list. Beyond a number that nobody reaches it is left out.
void addTemporaryFile(const std::string &Path);
/// Takes it off again: it is gone, or has its own name.
void dropTemporaryFile(const std::string &Path);

/// Removes every file of the list. Safe in a signal handler, whatever other
/// threads do; for a process that ends.
void removeTemporaryFiles();

} // namespace dure

#endif // DURE_RUNTIME_IO_TEMPORARYFILES_H
